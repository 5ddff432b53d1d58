"""What people see while a study runs, in a terminal and in a file."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import shutil
import struct
import subprocess
import sys
import termios
from pathlib import Path

import pytest
from rich.console import Console as RichConsole

from housing.console import Console, going_on
from housing.console_tables import fitted
from housing.workflow.outcome import Outcome, OutputTable, StudyProgress
from tests.workflow.quick import POINT
from tests.workflow.shells import shell_path

WIDE = [f"hyperparameter_{i}" for i in range(12)]


def progress(done: int, *, improved: bool) -> StudyProgress:
    table = OutputTable("", ("rank", "trial", "validation_mae", "state"), [[1, "t02", 16098.0, "complete"]])
    best = "validation_mae 16,098 USD, t02"
    return StudyProgress(
        table, done, 100, 2, {"complete": done}, elapsed_s=done, left_s=7.0, best=best, improved=improved
    )


def test_a_file_gets_a_line_when_the_best_improves_and_at_each_tenth(capsys: pytest.CaptureFixture[str]) -> None:
    console = Console()
    for done in range(1, 101):
        console.study_progress(progress(done, improved=done in (1, 2, 57)))
    lines = capsys.readouterr().err.splitlines()
    assert [int(found[1]) for line in lines if (found := re.search(r"(\d+)/100", line))] == sorted(
        {1, 2, 57, *range(10, 101, 10)}
    )
    assert "2/100, 2 running, 2 s, about 7 s left: new best validation_mae 16,098 USD, t02" in lines[1]


def test_pruned_and_failed_trials_are_counted(capsys: pytest.CaptureFixture[str]) -> None:
    told = StudyProgress(
        OutputTable("", (), []), 10, 10, 0, {"complete": 7, "pruned": 2, "failed": 1}, 75.0, None, None, False
    )
    Console().study_progress(told)
    assert "10/10, 2 pruned, 1 failed, 1 min 15 s: best none yet" in capsys.readouterr().err


def test_the_last_block_keeps_every_number_whole(capsys: pytest.CaptureFixture[str]) -> None:
    row = [1, *(123456.0 + i for i in range(len(WIDE)))]
    Console().show(Outcome("done", {}, tables=(OutputTable("", ("rank", *WIDE), [row], spare=WIDE),)))
    printed = capsys.readouterr().out
    assert "123,456.0" in printed
    shown = sum(f"{123456 + i:,}.0" in printed for i in range(len(WIDE)))
    assert all(name in printed.replace("\n", "") for name in WIDE[shown:]), "what is left out is named"


@pytest.mark.parametrize("columns", [70, pytest.param(120, marks=pytest.mark.slow)])
def test_a_terminal_shows_a_leaderboard_that_fits(tmp_path: Path, columns: int) -> None:
    words = (*POINT, "search_space=wide", "study=random", "study.trials=4")
    screen = in_terminal(tmp_path, "tune", *words, columns=columns)
    assert "running" in screen
    assert "4 trials in" in screen
    assert "Traceback" not in screen
    ruled = [line for line in re.split(r"[\r\n]+", re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", screen)) if "──" in line]
    assert ruled
    assert max(map(len, ruled)) <= columns


def in_terminal(folder: Path, *arguments: str, columns: int) -> str:
    """Everything that a command writes to a terminal so wide."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 50, columns, 0, 0))
    environment = os.environ | {"TERM": "xterm-256color", "COLUMNS": str(columns)}
    with shell_path() as path:
        command = [str(shutil.which("housing", path=path)), *arguments]
        process = subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, cwd=folder, env=environment)
        os.close(theirs)
        written = b""
        while True:
            try:
                written += os.read(ours, 65536)
            except OSError:
                break
        process.wait()
    os.close(ours)
    return written.decode()


def test_a_column_of_numbers_keeps_the_zeros_that_tell_its_ranks_apart(capsys: pytest.CaptureFixture[str]) -> None:
    rows = [[1, 2.08, 0.676, 1132.7], [2, 2.1, 0.6997, 786.0], [3, 12.5, 0.0, 9.0], [None, None, 1e-9, 715.25]]
    Console().show(Outcome("done", {}, tables=(OutputTable("", ("rank", "mae", "eta", "usd"), rows),)))
    told = [line.split() for line in capsys.readouterr().out.splitlines()[-4:]]
    assert told == [
        ["1", "2.08", "0.6760", "1,132.7"],
        ["2", "2.10", "0.6997", "786.0"],
        ["3", "12.50", "0", "9.0"],
        ["-", "-", "1e-09", "715.2"],
    ]


def test_a_table_in_a_file_has_no_spaces_at_the_ends_of_its_lines(capsys: pytest.CaptureFixture[str]) -> None:
    table = OutputTable("metrics", ("metric", "value", "why"), [["mae", 1.5, "short"], ["rmse", 2.5, "longer text"]])
    Console().show(Outcome("done", {}, tables=(table,)))
    out = capsys.readouterr().out
    assert all(line == line.rstrip() for line in out.splitlines())
    assert "\n\n\n" not in out


@pytest.mark.parametrize(("width", "upright"), [(40, True), (80, False)])
def test_where_texts_have_no_room_each_row_stands_upright(width: int, upright: bool) -> None:
    columns = ("variant", "model", "share", "instances", "scaling", "invocations", "failures", "latency ms")
    table = OutputTable("", columns, [["champion", "models:/fishing/1", "100%", 1, "off", 11, 0, 11.57]])
    rich = RichConsole(width=width)
    with rich.capture() as captured:
        rich.print(fitted(table, rich))
    lines = captured.get().splitlines()
    assert max(map(len, lines)) <= width
    pairs = [line.split(maxsplit=1) for line in lines]
    assert (["variant", "champion"] in [[word.strip() for word in pair] for pair in pairs]) is upright
    assert "champion" in captured.get()


def test_a_value_that_has_diverged_is_short(capsys: pytest.CaptureFixture[str]) -> None:
    table = OutputTable("metrics", ("metric", "value"), [["mae", 1.25e200], ["rmse", 12_345.6]])
    Console().show(Outcome("done", {}, tables=(table,)))
    out = capsys.readouterr().out
    assert "1.25e+200" in out
    assert "12,345.6" in out


def test_what_stands_above_a_table_shows_no_secret_and_is_no_markup(capsys: pytest.CaptureFixture[str]) -> None:
    title = "round 2, [bold]https://127.0.0.1/x?access_token=Zq1f06d599e8X9"
    table = OutputTable(title, ("metric", "https://ann:Zq1f06d599e8X9@127.0.0.1/"), [["mae", 1.0]])
    Console().show(Outcome("done", {}, tables=(table,)))
    told = capsys.readouterr().out
    assert "[bold]https://127.0.0.1/x?access_token=***" in told
    assert "Zq1f06d599e8X9" not in told


def test_long_text_between_numbers_is_folded_and_leaves_the_others_room(capsys: pytest.CaptureFixture[str]) -> None:
    long = " ".join(f"algorithm.some_name_{number}=0.1" for number in range(12))
    table = OutputTable("", ("", "one", "other"), [("seed", 7, 1234567.5), ("overrides", long, long)])
    Console().show(Outcome("two runs", {}, tables=(table,)))
    out = capsys.readouterr().out
    assert "seed" in out
    assert "1,234,567.5" in out
    assert "algorithm.some_name_11=0.1" in out
    assert max(map(len, out.splitlines())) <= 160


@pytest.mark.parametrize("words", [2, 40])
def test_a_next_command_can_be_pasted_with_what_it_is_for(capsys: pytest.CaptureFixture[str], words: int) -> None:
    command = " ".join(["housing tune", *(f"algorithm.some_name_{number}=0.1" for number in range(words))])
    Console().show(Outcome("done", {}, next_commands=((command, "search (all of it)"), ("housing ui", "look"))))
    lines = capsys.readouterr().out.splitlines()
    assert f"next      {command}" in [line.partition("  #")[0].rstrip() for line in lines]
    for line in lines:
        pasted = line.removeprefix("next").strip()
        if "all of it" in line:
            done = subprocess.run(["bash", "-c", f"housing() {{ :; }}\n{pasted}"], check=False, capture_output=True)
            assert (done.returncode, done.stderr) == (0, b"")


def test_the_seconds_of_a_running_trial_go_on_between_two_trials() -> None:
    columns = ("rank", "trial", "seconds", "state")
    table = OutputTable("", columns, [[1, "t00", 2.5, "complete"], [None, "t01", 1.0, "running"]])
    later = going_on(table, 3.26)
    assert [row[2] for row in later.rows] == [2.5, 4.3]


def test_what_nobody_reads_any_more_ends_no_work(monkeypatch: pytest.MonkeyPatch) -> None:
    reader, writer = os.pipe()
    with os.fdopen(writer, "w") as stream:
        monkeypatch.setattr(sys, "stderr", stream)
        console = Console()
        console.step("data", "read")
        assert os.read(reader, 100) == b"data       read\n"
        os.close(reader)
        for number in range(3):
            console.step("train", f"job {number}")
            console.log("a line of a job elsewhere")
        with pytest.raises(BrokenPipeError):
            stream.flush()
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
