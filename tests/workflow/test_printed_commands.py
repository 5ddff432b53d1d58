"""Every command that a command prints is taken from its output, pasted into a shell, and works; and so on, to the end.

The project has all that makes quoting hard: blanks, quotes, `=`, `$` and letters beyond ASCII in folders, files, names.
"""

from __future__ import annotations

import os
import random
import re
import signal
import subprocess
import time
from collections import deque
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from housing.cli.commands import COMMANDS
from tests.workflow.conftest import Answer, in_process
from tests.workflow.processes import start

pytestmark = pytest.mark.slow

FOLDER, CONF, TABLE = "it's a project, really=yes", "my conf $HOME", "größe & preis.csv"
NAME = "it's 100% = $HOME größe"

EXPERIMENT = """\
# @package _global_
defaults:
  - override /dataset: "2024"
name: "{name}"
tracking: {{model: rents}}
algorithm: {{num_round: 4, eta: 0.5}}
study: {{trials: 2, parallel: 1, startup_trials: 1}}
gate: {{against_champion: nothing, beats: null}}
deployment:
  endpoint: rents
  variants: {{champion: {{model: "models:/rents@champion"}}}}
  capture: {{percent: 100}}
"""
DATASET = """\
name: rents
source: "{table}"
label: rent
columns:
  id: {{kind: identifier}}
  rooms: {{kind: numeric, low: 0}}
  heating: {{kind: nominal}}
  rent: {{kind: numeric, low: 1}}
split: {{fractions: {{train: 0.6, validation: 0.2, test: 0.2}}}}
"""
HERE = ("--config-dir", CONF, "experiment=1e5")

_LAST = ("destroy", "rehearsal stop")
_A_COMMAND = re.compile(rf"\bhousing ({'|'.join(COMMANDS)})\b")
_IN_BACKTICKS = re.compile(r"`(housing [^`]+)`")
_TO_THE_END = re.compile(r"(?:^next {6}|: )(housing .+)$")


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    for name in ("MLFLOW_TRACKING_URI", "MLFLOW_RUN_ID", "MLFLOW_EXPERIMENT_ID"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("SAGEMAKER_ROLE_ARN", "arn:aws:iam::123456789012:role/rents")
    monkeypatch.setenv("AWS_REGION", "eu-central-1")
    folder = tmp_path / FOLDER
    for group, option, text in (
        ("experiment", "1e5", EXPERIMENT.format(name=NAME)),
        ("dataset", "2024", DATASET.format(table=TABLE)),
    ):
        (folder / CONF / group).mkdir(parents=True)
        (folder / CONF / group / f"{option}.yaml").write_text(text, encoding="utf-8")
    chance = random.Random(4)
    rooms = [chance.randint(1, 6) for _ in range(120)]
    rows = [f"a{n},{count},{chance.choice(['gas', 'oil'])},{300 + 200 * count}" for n, count in enumerate(rooms)]
    (folder / TABLE).write_text("\n".join(["id,rooms,heating,rent", *rows]), encoding="utf-8")
    (folder / "rows.csv").write_text("\n".join(["id,rooms,heating,rent", *rows[:30]]), encoding="utf-8")
    labels = [",".join((row.split(",")[0], row.split(",")[-1])) for row in rows[:30]]
    (folder / "actual.csv").write_text("\n".join(["id,rent", *labels]), encoding="utf-8")
    yield folder
    in_process("destroy", *HERE, folder=folder)
    in_process("rehearsal", "stop", folder=folder)


@pytest.mark.timeout(900)  # some thirty commands, one after the other
def test_every_printed_command_works(project: Path) -> None:
    answers = [in_process(*command, *HERE, folder=project) for command in (("train",), ("status",))]
    assert [answer.code for answer in answers] == [0, 0], answers[0].err
    waiting = deque(_printed(answers))
    tried: dict[str, Answer] = {}
    while waiting:
        waiting = deque(sorted(waiting, key=lambda line: any(f"housing {last}" in line for last in _LAST)))
        line = waiting.popleft()
        if _kind(line) in tried:
            continue
        tried[_kind(line)] = answer = _pasted(line, project)
        assert answer.code == 0, f"{line}\n{answer.out}\n{answer.err}"
        waiting += _printed([answer])
    names = {match[1] for line in tried if (match := _A_COMMAND.search(line))}
    assert names >= {"train", "tune", "promote", "plan", "deploy", "predict", "status", "lineage", "compare", "ui"}
    assert "destroy" in names


def test_what_errors_tell_to_run_works(project: Path) -> None:
    tuned = in_process("tune", *HERE, folder=project)
    assert tuned.code == 0, tuned.err
    study = re.search(r"^(tune-[\w-]+):", tuned.out, re.MULTILINE)
    assert study is not None
    compared = in_process("compare", "--json", *HERE, folder=project).data
    assert {**compared["differing"]["metrics"], **compared["equal"]}["rounds_kept"] in (4, [4, 4])
    refused = [
        in_process("attach", study[1], *HERE, folder=project),
        in_process("iam", *HERE, "name=rents", folder=project),
        in_process("rehearsal", "status", *HERE, "rehearsal.folder=re hearsal", folder=project),
    ]
    assert [answer.code for answer in refused] == [3, 3, 0]
    printed = _printed(refused)
    assert len(printed) == len(refused)
    for line in printed:
        answer = _pasted(line, project)
        assert answer.code == 0, f"{line}\n{answer.out}\n{answer.err}"
    moved = in_process("rehearsal", "start", *HERE, "rehearsal.folder=re hearsal", "--port", "1", folder=project)
    assert moved.code == 3
    (stop,) = _printed([moved])
    assert _pasted(stop, project).code == 0


def test_a_metric_that_cannot_have_a_value_is_refused_before_the_study(project: Path) -> None:
    table = project / TABLE
    table.write_text(re.sub(r"^(a\d,.*,)\d+$", r"\g<1>0", table.read_text("utf-8"), flags=re.MULTILINE), "utf-8")
    wanted = ("study.objective=validation_mape", "algorithm.eval_metric=[mape]", "dataset.columns.rent.low=0")
    answer = in_process("tune", *HERE, *wanted, "dataset.split.seed=1", folder=project)
    assert answer.code == 3
    assert "mape divides by the label, which is 0 in" in answer.err
    assert _printed([answer]) == []


def _printed(answers: Sequence[Answer]) -> list[str]:
    """Every command in an output; fails for one that stands where nobody could tell where it ends."""
    found = []
    for line in "\n".join(f"{answer.out}\n{answer.err}" for answer in answers).splitlines():
        quoted = _IN_BACKTICKS.findall(line)
        rest = _TO_THE_END.search(_IN_BACKTICKS.sub("", line))
        here = [*quoted, *([_until_why(rest[1])] if rest else [])]
        told = [command for command in here if _A_COMMAND.match(command)]
        assert len(_A_COMMAND.findall(line)) <= len(told) or "\t" in line, f"no place of its own: {line}"
        found += told
    return found


def _until_why(text: str) -> str:
    """The command before two blanks, those inside of quotes left out, and what it is for."""
    quote = ""
    for place, character in enumerate(text):
        if quote:
            quote = "" if character == quote else quote
        elif character in "'\"":
            quote = character
        elif text.startswith("  ", place):
            return text[:place]
    return text


def _kind(line: str) -> str:
    """Equal for commands that differ in ids, in the random end of a name and in counts."""
    return re.sub(r"\b[0-9a-f]{4,}\b|(?<=study\.trials=)\d+", "*", line)


def _pasted(line: str, folder: Path) -> Answer:
    """What a shell makes of the line, run in a process that has imported everything."""
    words = folder / "words"
    script = f'housing() {{ printf "%s\\0" "$@" > words; }}\n{line}'
    subprocess.run(["bash", "-c", script], cwd=folder, check=True)
    arguments = words.read_text(encoding="utf-8").split("\0")[:-1]
    if arguments[0] == "ui":
        return _looked_at(arguments, folder)
    return in_process(*arguments, folder=folder)


def _looked_at(arguments: Sequence[str], folder: Path) -> Answer:
    """`housing ui` until it says where it is, then Ctrl-C."""
    out = folder / "ui.txt"
    out.unlink(missing_ok=True)
    process = start(*arguments, folder=folder, out=out)
    deadline = time.monotonic() + 180
    while not (out.exists() and "Ctrl-C ends it" in out.read_text(encoding="utf-8")):
        assert process.is_alive() and time.monotonic() < deadline, out.read_text(encoding="utf-8")
        time.sleep(0.1)
    assert process.pid is not None
    os.kill(process.pid, signal.SIGINT)
    process.join()
    return Answer(process.exitcode or 0, out.read_text(encoding="utf-8"), "")
