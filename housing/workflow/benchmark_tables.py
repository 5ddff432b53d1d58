"""The tables of a benchmark: files of installed packages, described as `housing describe` does."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from housing.errors import ConfigError

if TYPE_CHECKING:
    from housing.benchmark.spec import BenchmarkTable

FOLDER = Path(".housing", "benchmark")


def described(tables: Mapping[str, BenchmarkTable], *, name: str, config_dir: Path | None) -> Path | None:
    """A configuration folder with each table as a dataset, and everything from `config_dir`.

    Raises ConfigError that names every missing package.
    """
    if not tables:
        return config_dir
    from housing.data.describe import describe

    files = _files(tables)
    folder = FOLDER / name
    shutil.rmtree(folder, ignore_errors=True)
    if config_dir is not None:
        shutil.copytree(config_dir, folder)
    (folder / "dataset").mkdir(parents=True, exist_ok=True)
    for table, file in files.items():
        text = describe(file, tables[table].label)
        (folder / "dataset" / f"{table}.yaml").write_text(text, encoding="utf-8")
    return folder.resolve()


def _files(tables: Mapping[str, BenchmarkTable]) -> dict[str, Path]:
    found, absent = {}, {}
    for name, table in tables.items():
        path = Path(table.source)
        package = path.parts[0] if path.parts else ""
        if not path.is_absolute() and not path.is_file():
            spec = find_spec(package) if package.isidentifier() else None
            root = spec.submodule_search_locations if spec is not None else None
            path = Path(root[0], *path.parts[1:]) if root else path
        if path.is_file():
            found[name] = path
        else:
            absent[name] = (package, table.source)
    if absent:
        packages = " ".join(sorted({package for package, _ in absent.values()}))
        shown = ", ".join(f"{name} ({source})" for name, (_, source) in absent.items())
        raise ConfigError(
            f"benchmark.tables: no such file: {shown}; pip install {packages}, or leave a table out: "
            f"~benchmark.tables.{next(iter(absent))}"
        )
    return found
