"""The rehearsal where nothing else of housing, and nothing but its own requirements, can be imported."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from configparser import ConfigParser
from contextlib import suppress
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement

_ROOT = Path(__file__).parents[2]
# Python imports it in every process, those that the rehearsal starts too.
_REFUSING = """
import sys

class Refuse:
    def find_spec(self, name, path=None, target=None):
        top, _, below = name.partition(".")
        if top in {foreign!r} or top == "housing" and below and below.partition(".")[0] != "rehearsal":
            raise ModuleNotFoundError(f"not here: {{name}}", name=name)

sys.meta_path.insert(0, Refuse())
"""


def _own() -> list[str]:
    """What setup.cfg says that the rehearsal needs."""
    setup = ConfigParser()
    setup.read(_ROOT / "setup.cfg")
    return [line for line in setup["options.extras_require"]["rehearsal-server"].splitlines() if line]


def _installed(requirements: Sequence[str]) -> set[str]:
    """Distributions by their normal name: these, and all that they require themselves."""
    found: set[str] = set()
    left = list(requirements)
    while left:
        requirement = Requirement(left.pop())
        name = _normal(requirement.name)
        if name not in found and (requirement.marker is None or requirement.marker.evaluate({"extra": ""})):
            found.add(name)
            # What no machine without a GPU needs is not installed here.
            with suppress(metadata.PackageNotFoundError):
                left += metadata.requires(name) or []
    return found


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """Of a shell that has run `eval "$(python -m housing.rehearsal start)"` where little is installed."""
    folder = tmp_path_factory.mktemp("alone")
    own = _installed(_own())
    foreign = {
        module
        for module, owners in metadata.packages_distributions().items()
        if module != "housing" and not own & {_normal(owner) for owner in owners}
    }
    assert {"mlflow", "hydra", "omegaconf", "optuna", "pydantic", "pandas", "rich", "sagemaker"} <= foreign
    (folder / "sitecustomize.py").write_text(_REFUSING.format(foreign=sorted(foreign)), encoding="utf-8")
    clean = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    clean |= {"PYTHONPATH": os.pathsep.join([str(folder), str(_ROOT)]), "AWS_EC2_METADATA_DISABLED": "true"}
    door = [sys.executable, "-P", "-m", "housing.rehearsal"]
    started = subprocess.run(
        [*door, "start"], cwd=folder, env=clean, capture_output=True, text=True, check=False, timeout=120
    )
    assert started.returncode == 0, started.stderr
    yield clean | dict(re.findall(r"export (\w+)=(\S+)", started.stdout)) | {"HOME": str(folder)}
    for action, code in (("status", 0), ("stop", 0), ("status", 1), ("stop", 1)):
        done = subprocess.run([*door, action], cwd=folder, env=clean, capture_output=True, check=False, timeout=120)
        assert (action, done.returncode) == (action, code)


@pytest.mark.slow
def test_it_trains_tunes_and_serves_by_itself(environment: dict[str, str]) -> None:
    ended = subprocess.run(
        [sys.executable, "-P", str(Path(__file__).with_name("plain_boto3.py"))],
        env=environment,
        cwd=environment["HOME"],
        capture_output=True,
        text=True,
        check=False,
        timeout=280,
    )
    assert ended.returncode == 0, ended.stderr[-3000:]
    told = json.loads(ended.stdout)
    assert told.pop("best") > 0
    high, low = told.pop("predicted")
    assert 220_000 < high < 280_000
    assert 120_000 < low < 180_000
    assert told == {"trained": "Completed", "rounds": 20, "tuned": "Completed", "jobs": 4}


def test_its_requirements_are_what_it_imports() -> None:
    owners = metadata.packages_distributions()
    imported = {
        _normal(owners[module][0])
        for source in (_ROOT / "housing/rehearsal").rglob("*.py")
        for module in re.findall(r"^\s*(?:from|import) (\w+)", source.read_text(encoding="utf-8"), re.MULTILINE)
        if module in owners and module != "housing"
    }
    assert imported <= _installed(_own())
    # botocore comes with boto3, which is made for it.
    assert imported - {"botocore"} == {_normal(Requirement(line).name) for line in _own()}
