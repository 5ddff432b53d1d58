"""The first word in a terminal comes before anything large is imported, and leaves nothing behind."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import pytest

_ERASED = "\r\x1b[K"


def said_in_a_terminal(folder: Path, *words: str) -> str:
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "housing", *words]
    process = subprocess.Popen(command, cwd=folder, stdin=theirs, stdout=theirs, stderr=theirs)
    os.close(theirs)
    said = b""
    while True:
        try:
            some = os.read(ours, 65536)
        except OSError:  # the process has gone, and the terminal with it
            break
        if not some:
            break
        said += some
    os.close(ours)
    process.wait()
    return said.decode()


@pytest.mark.parametrize(
    ("words", "last"),
    [
        (("status",), "serve the registered model"),
        (("status", "--json"), "}"),
        (("plam",), "did you mean plan"),
        (("train", "dataset=nothing"), "available: "),
        (("train", "--cfg", "job"), "wait_s"),
    ],
)
def test_a_terminal_is_told_at_once_what_is_loaded(tmp_path: Path, words: tuple[str, ...], last: str) -> None:
    said = said_in_a_terminal(tmp_path, *words)

    assert re.match(r"\r\x1b\[K\S loading \w+", said)
    shown = said.rpartition(_ERASED)[2]
    assert "loading" not in shown
    assert last in shown


@pytest.mark.parametrize("words", [("--version",), ("--help",)])
def test_who_needs_nothing_loaded_is_told_nothing(tmp_path: Path, words: tuple[str, ...]) -> None:
    assert "loading" not in said_in_a_terminal(tmp_path, *words)


def test_a_file_gets_none_of_it(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "housing", "status"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)

    assert "loading" not in done.stdout + done.stderr
