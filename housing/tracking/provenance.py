"""Who created a run, from what code, and in which process, as MLflow tags; whether that process is still alive."""

from __future__ import annotations

import getpass
import os
import subprocess
import sys
from contextlib import suppress
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import housing
from housing.tracking import schema

_LIBRARIES = {
    "mlflow": "mlflow",
    "optuna": "optuna",
    "hydra": "hydra-core",
    "numpy": "numpy",
    "pandas": "pandas",
}
_GIT_TIMEOUT_S = 5


@cache
def provenance_tags() -> dict[str, str]:
    """Versions, user, source and git commit, and this process; computed once: do not change the dictionary."""
    return _version_tags() | _source_tags() | _git_tags(Path.cwd())


def code_version() -> str | None:
    """The version of housing, and the commit of the working folder's repository, where there is one.

    None when tracked files have uncommitted changes, as then it is not known what ran.
    """
    tags = provenance_tags()
    if tags.get(schema.GIT_DIRTY, "false") != "false":
        return None
    return f"{tags[schema.VERSION]} {tags.get(schema.GIT_COMMIT, '')}".strip()


def has_commit(commit: str) -> bool | None:
    """Whether the repository of the working folder has it; None outside a repository and without git."""
    if _git(Path.cwd(), "rev-parse", "--git-dir") is None:
        return None
    return _git(Path.cwd(), "cat-file", "-e", f"{commit}^{{commit}}") is not None


def _version_tags() -> dict[str, str]:
    tags = {schema.VERSION: housing.__version__, schema.PYTHON: ".".join(map(str, sys.version_info[:3]))}
    for library, distribution in _LIBRARIES.items():
        with suppress(PackageNotFoundError):
            tags[schema.library_version(library)] = version(distribution)
    return tags


def _source_tags() -> dict[str, str]:
    try:
        user = getpass.getuser()
    except (OSError, KeyError):
        # A container may run with a user id that has no name.
        user = str(os.getuid())
    return {"mlflow.user": user, "mlflow.source.name": sys.argv[0] or "<console>", "mlflow.source.type": "LOCAL"}


def _git_tags(folder: Path) -> dict[str, str]:
    """Empty outside a repository, before its first commit, and without git."""
    commit = _git(folder, "rev-parse", "HEAD")
    if not commit:
        return {}
    changed = _git(folder, "status", "--porcelain", "--untracked-files=no")
    tags = {
        schema.GIT_COMMIT: commit,
        schema.GIT_DIRTY: "unknown" if changed is None else str(bool(changed)).lower(),
        "mlflow.source.git.commit": commit,
    }
    branch = _git(folder, "branch", "--show-current")
    return tags | ({"mlflow.source.git.branch": branch} if branch else {})


def _git(folder: Path, *arguments: str) -> str | None:
    try:
        done = subprocess.run(
            ("git", "--no-optional-locks", *arguments),
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=_GIT_TIMEOUT_S,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()
