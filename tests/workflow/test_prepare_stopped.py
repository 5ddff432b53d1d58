"""`housing prepare` stopped in the middle of a file: nothing half-written counts, and the next one is whole."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import csv, parquet

from tests.workflow.conftest import in_process
from tests.workflow.processes import run, start
from tests.workflow.rehearsed import printed, until

pytestmark = pytest.mark.skipif(not Path("/proc").is_dir(), reason="sees open files through /proc")

ROWS = 300_000
PREPARE = ("prepare", "--config-dir", "conf", "dataset=homes")
DATASET = """
name: homes
source: homes.{kind}
format: {kind}
label: price
split: {{fractions: {{train: 0.6, validation: 0.2, test: 0.2}}}}
columns: {{area: {{kind: numeric}}, rooms: {{kind: numeric}}, price: {{kind: numeric}}}}
"""


@pytest.fixture
def tables(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where prepared tables are kept."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "housing" / "tables"


def written(folder: Path, kind: str, rows: int = ROWS) -> None:
    """A table, and the dataset that describes it."""
    numbers = np.random.default_rng(0).normal(size=(3, rows))
    table = pa.table(dict(zip(("area", "rooms", "price"), numbers, strict=True)))
    write: Callable[[pa.Table, str], None] = csv.write_csv if kind == "csv" else parquet.write_table
    write(table, str(folder / f"homes.{kind}"))
    (folder / "conf" / "dataset").mkdir(parents=True)
    (folder / "conf" / "dataset" / "homes.yaml").write_text(DATASET.format(kind=kind).lstrip(), encoding="utf-8")


def is_reading(process: int, file: Path) -> bool:
    """Whether a process has the file open."""
    with contextlib.suppress(OSError):  # it has ended, or closes one meanwhile
        return any(entry.readlink() == file for entry in Path(f"/proc/{process}/fd").iterdir())
    return False


def kept(tables: Path) -> list[str]:
    """Kinds of what is kept; files that are being written are hidden ones."""
    there = tables.iterdir() if tables.is_dir() else ()
    return sorted(file.suffix for file in there if not file.name.startswith(".") and file.suffix != ".lock")


def assert_whole(folder: Path, tables: Path, kind: str) -> None:
    """The next command prepares all rows, as one does that nobody has disturbed."""
    digests = []
    for cache in (tables.parents[1], folder / "another"):
        with pytest.MonkeyPatch.context() as there:
            there.setenv("XDG_CACHE_HOME", str(cache))
            again = in_process(*PREPARE, "--json", folder=folder)
        assert again.code == 0, again.err
        assert again.data["rows"] == ROWS
        digests.append(again.data["data_digest"])
    assert digests[0] == digests[1]
    assert kept(tables) == ([".json", ".parquet"] if kind == "csv" else [".json"])
    assert not list(tables.glob(".*"))


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGKILL])
def test_the_next_command_is_whole_after_one_was_stopped(tmp_path: Path, tables: Path, sent: signal.Signals) -> None:
    written(tmp_path, "csv")
    process = start(*PREPARE, folder=tmp_path)
    assert process.pid is not None
    pid = process.pid
    until(lambda: is_reading(pid, tmp_path / "homes.csv"))
    os.kill(pid, sent)
    process.join()
    assert process.exitcode == (130 if sent == signal.SIGINT else -sent)
    assert kept(tables) == []
    if sent == signal.SIGINT:
        assert not list(tables.glob("*")), "an interrupted command clears away what it has begun"
        assert "nothing of what was read is kept; the same command begins again" in printed(tmp_path)
    assert_whole(tmp_path, tables, "csv")


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_the_next_command_is_whole_after_kills_at_random_moments(tmp_path: Path, tables: Path, kind: str) -> None:
    written(tmp_path, kind)
    began = time.monotonic()
    assert run(*PREPARE, folder=tmp_path) == 0
    whole_s, moments, stopped = time.monotonic() - began, random.Random(3), 0
    for _ in range(24):
        for file in tables.glob("*.json"):
            file.unlink()
        process = start(*PREPARE, folder=tmp_path)
        process.join(moments.uniform(0, 0.9) * whole_s)
        if process.exitcode is None and process.pid is not None:
            os.kill(process.pid, signal.SIGKILL)
            process.join()
        stopped += process.exitcode != 0
        assert process.exitcode in (0, -signal.SIGKILL)
    assert stopped
    assert "Traceback" not in printed(tmp_path)
    assert_whole(tmp_path, tables, kind)
