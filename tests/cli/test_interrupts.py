"""Ctrl-C while a command only begins: one line and exit code 130, whatever is being imported."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest

CSV = "Area,Price\n" + "".join(f"{area},{area * 100}\n" for area in range(500, 560))


@pytest.mark.parametrize(
    ("arguments", "imports"),
    [
        (("--help",), 60),
        (("train", "algorithm.num_round=3"), 1000),
        (("describe", "houses.csv", "--label", "Price"), 150),
        (("ui",), 400),
        (("rehearsal", "status", "--json"), 350),
        (("tune", "--cfg", "job"), 250),
    ],
    ids=lambda value: value[0] if isinstance(value, tuple) else "",
)
def test_an_interrupt_while_modules_are_imported_ends_quietly(
    tmp_path: Path, arguments: tuple[str, ...], imports: int
) -> None:
    """`imports`: of how many modules a command imports at least, once our own code has begun."""
    (tmp_path / "houses.csv").write_text(CSV)
    moments = random.Random(arguments[0])
    code, said = _interrupted_after(moments.randint(1, imports), arguments, tmp_path)
    assert code == 130, said
    assert said.endswith("housing: interrupted\n")
    assert "Traceback" not in said
    if "--json" in arguments:
        document = json.loads((tmp_path / "out.txt").read_text())
        assert document == {"error": "Interrupted", "message": "interrupted", "exit_code": 130}


def _interrupted_after(imports: int, arguments: tuple[str, ...], folder: Path) -> tuple[int, str]:
    """Exit code, and what it said, of a command that is interrupted when it has imported so many modules."""
    command = (sys.executable, "-X", "importtime", "-m", "housing", *arguments)
    with (
        (folder / "out.txt").open("w") as out,
        subprocess.Popen(
            command,
            cwd=folder,
            stdout=out,
            stderr=subprocess.PIPE,
            text=True,
            bufsize=1,
            # Whoever runs the tests in the background of a shell ignores it.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509  # one thread
        ) as process,
    ):
        assert process.stderr is not None
        began, said = False, ""
        for line in process.stderr:
            if not line.startswith("import time:"):
                said += line
                continue
            began = began or line.rpartition("|")[2].strip().startswith("housing.")
            imports -= began
            if imports == 0:
                os.kill(process.pid, signal.SIGINT)
        return process.wait(120), said
