"""What Hydra composed of files and choices, kept for the next command in this user's cache.

The key covers all that the result depends on: the texts of the files, the choices, the variables that files name, and
the code that composes. Secrets stay out, and values that were typed are no part of it.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf

import housing
from housing.config.files import Files
from housing.config.overrides import Overrides
from housing.files import cache_folder, write
from housing.secrets import masked_values

_VARIABLE = re.compile(r"oc\.env\s*:\s*([^,}\s]*)")
_LARGEST_BYTES = 1 << 20
_MOST = 200


@dataclass(frozen=True)
class Kept:
    """Plain and unresolved, without Hydra's own part; `choices` as in `bases.Base`."""

    cfg: dict[str, Any]
    choices: dict[Any, Any]


def key(overrides: Overrides, files: Files) -> str | None:
    """What the result depends on, hashed; None where it cannot be told."""
    texts = dict(_texts(files))
    variables = {name for text in texts.values() for name in _VARIABLE.findall(text)}
    if any("$" in name for name in variables) or sum(map(len, texts.values())) > _LARGEST_BYTES:
        return None
    depends_on = (
        [housing.__version__, *(metadata.version(name) for name in ("hydra-core", "omegaconf"))],
        [Path(__file__).with_name(name).read_text() for name in ("bases.py", "by_hydra.py", "kept.py")],
        list(overrides.composed),
        list(texts.items()),
        {name: os.environ.get(name) for name in sorted(variables)},
    )
    return hashlib.sha256(json.dumps(depends_on).encode()).hexdigest()


def fetch(key: str) -> Kept | None:
    """None where nothing is kept, or what is there cannot be read."""
    with suppress(OSError, ValueError, TypeError):
        return Kept(**json.loads(_file(key).read_bytes()))
    return None


def keep(key: str, found: Kept) -> None:
    """Where it comes back from a file as it is, and holds no secret; a cache that cannot be written does no harm."""
    text = json.dumps(asdict(found))
    if json.loads(text) != asdict(found) or plain(OmegaConf.create(found.cfg)) != found.cfg:
        return
    if masked_values(found.cfg) != found.cfg:
        return
    with suppress(OSError):
        folder = _file(key).parent
        folder.mkdir(parents=True, exist_ok=True)
        write(_file(key), text, mode=0o600)
        kept = sorted(folder.glob("*.json"), key=lambda file: file.stat().st_mtime, reverse=True)
        for file in kept[_MOST:]:
            file.unlink()


def plain(cfg: DictConfig) -> dict[str, Any]:
    """Unresolved."""
    found = OmegaConf.to_container(cfg, resolve=False)
    assert isinstance(found, dict)
    return {str(name): value for name, value in found.items()}


def _file(key: str) -> Path:
    return cache_folder() / "composed" / f"{key}.json"


def _texts(files: Files) -> Iterator[tuple[str, str]]:
    """Of every file, by its place: which folder, and where in it."""
    for number, folder in enumerate(files.folders):
        for file in sorted(folder.rglob("*.yaml")):
            if not file.is_file() or file.stat().st_size > _LARGEST_BYTES:
                continue
            with suppress(OSError):
                yield f"{number}/{file.relative_to(folder)}", file.read_text(encoding="utf-8", errors="surrogateescape")
