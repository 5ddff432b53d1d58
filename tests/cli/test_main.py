"""The command as a process."""

from __future__ import annotations

import contextlib
import json
import os
import resource
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

from housing.cli.commands import COMMANDS
from housing.cli.help import help_of
from housing.config.load import config_hash, load

HOUSING = [sys.executable, "-m", "housing"]
HEAVY = {"mlflow", "xgboost", "pandas", "sagemaker", "optuna", "pyarrow", "numpy"}


def housing(*arguments: str, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*HOUSING, *arguments], cwd=cwd, env={**os.environ, **environment}, capture_output=True, text=True, check=False
    )


def test_help_is_quick(tmp_path: Path) -> None:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = housing("--help", cwd=tmp_path)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert done.returncode == 0
    assert all(f"  {name} " in done.stdout for name in COMMANDS)
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 0.5


@pytest.mark.parametrize(
    ("arguments", "unwanted"),
    [
        (["--help"], HEAVY | {"hydra", "pydantic", "rich"}),
        (["train", "--help"], HEAVY | {"hydra", "pydantic", "rich"}),
        (["train", "--cfg", "job"], HEAVY),
        (["status"], HEAVY | {"numpy"}),
    ],
)
def test_nothing_is_imported_that_is_not_needed(tmp_path: Path, arguments: list[str], unwanted: set[str]) -> None:
    script = (
        "import sys; from housing.cli.dispatch import main; main(sys.argv[1:]); print(*sys.modules, file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, *arguments], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert unwanted & set(done.stderr.split()) == set()


@pytest.mark.parametrize("name", list(COMMANDS))
def test_every_example_in_the_help_can_be_parsed(name: str) -> None:
    from housing.cli.arguments import parse

    for example, _ in COMMANDS[name].examples:
        assert example in help_of(name)
        words = shlex.split(example.partition(" > ")[0])
        assert words[0] == "housing"
        assert parse(words[1:]).command == name


def test_version(tmp_path: Path) -> None:
    from housing import __version__

    assert housing("--version", cwd=tmp_path).stdout == f"housing {__version__}\n"


def test_cfg_prints_what_hydra_composed(tmp_path: Path) -> None:
    done = housing("train", "--cfg", "job", "algorithm.gamma=1", cwd=tmp_path, MLFLOW_TRACKING_URI="sqlite:///x.db")
    assert done.returncode == 0
    shown = yaml.safe_load(done.stdout)
    assert shown["algorithm"]["gamma"] == 1
    assert shown["tracking"]["uri"].startswith("${oc.env:")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("what", ["hydra", "all"])
def test_cfg_prints_hydras_own_configuration(tmp_path: Path, what: str) -> None:
    shown = yaml.safe_load(housing("tune", "--cfg", what, cwd=tmp_path).stdout)
    assert "sweep" in shown["hydra"]
    assert ("study" in shown) == (what == "all")


def test_cfg_of_a_multirun_shows_every_job(tmp_path: Path) -> None:
    done = housing("train", "-m", "--cfg", "job", "algorithm.eta=0.1,0.3", cwd=tmp_path)
    assert done.returncode == 0
    assert [each["algorithm"]["eta"] for each in yaml.safe_load_all(done.stdout)] == [0.1, 0.3]
    refused = housing("train", "-m", "--cfg", "hydra", "algorithm.eta=0.1,0.3", cwd=tmp_path)
    assert refused.returncode == 3
    assert "leave out -m" in refused.stderr


def test_a_fault_ends_with_3_and_no_traceback(tmp_path: Path) -> None:
    done = housing("train", "algorithm.maxdepth=4", cwd=tmp_path)
    assert done.returncode == 3
    assert "did you mean algorithm.max_depth?" in done.stderr
    assert "Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_cfg_shows_a_fault_and_says_so(tmp_path: Path) -> None:
    done = housing("train", "--cfg", "job", "algorithm.maxdepth=4", cwd=tmp_path)
    assert done.returncode == 3
    assert "maxdepth: 4" in done.stdout
    assert "did you mean algorithm.max_depth?" in done.stderr


def test_a_fault_is_json_where_a_script_asks_for_it(tmp_path: Path) -> None:
    done = housing("train", "--json", "sed=4", cwd=tmp_path)
    assert done.returncode == 3
    assert "did you mean seed?" in json.loads(done.stdout)["message"]


def test_a_multirun_is_refused_before_anything_runs(tmp_path: Path) -> None:
    done = housing("train", "-m", "algorithm.eta=0.1,7", cwd=tmp_path)
    assert done.returncode == 3
    assert "algorithm.eta = 7" in done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "arguments",
    [
        ["algorithm.eta=0.1", "algorithm.max_depth=4"],
        ["--algorithm.eta", "0.1", "--algorithm.max_depth", "4"],
        ["algorithm.eta=0.1 algorithm.max_depth=4"],
        ["", "algorithm.eta=0.1 algorithm.max_depth=4"],
    ],
)
def test_the_same_experiment_however_it_was_passed(arguments: list[str]) -> None:
    from housing.cli.arguments import parse

    expected = config_hash(load(["algorithm.max_depth=4", "algorithm.eta=0.1"]))
    assert config_hash(load(parse(["train", *arguments]).overrides)) == expected


def test_a_reader_that_leaves_is_no_error(tmp_path: Path) -> None:
    command = f"{shlex.join(HOUSING)} train --cfg all | head -n 1"
    done = subprocess.run(command, shell=True, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout.count("\n") == 1
    assert done.stderr == ""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_is_one_line(tmp_path: Path, number: signal.Signals) -> None:
    # Large enough that it is still being read when the signal comes.
    (tmp_path / "rows.csv").write_text("price,area\n" + "100,20\n" * 2_000_000)
    command = [*HOUSING, "describe", "rows.csv", "--label", "price"]
    with subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True) as process:
        _await_open(tmp_path / "rows.csv", process.pid)
        process.send_signal(number)
        assert process.wait(timeout=300) == 130
        assert process.stderr is not None
        assert process.stderr.read() == "housing: interrupted\n"


def _await_open(file: Path, process: int) -> None:
    deadline = time.monotonic() + 120
    while file not in _open_files(process):
        assert time.monotonic() < deadline, "nobody reads"
        time.sleep(0.005)


def _open_files(process: int) -> set[Path]:
    found = set()
    for descriptor in Path(f"/proc/{process}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):
            found.add(descriptor.readlink())
    return found


def test_too_little_memory_is_said_before_anything_begins(tmp_path: Path) -> None:
    few = 200 * 1024**2
    done = subprocess.run(
        [sys.executable, "-m", "housing", "train"],
        cwd=tmp_path,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (few, few)),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 1
    assert "there is not enough memory" in done.stderr
    assert "Traceback" not in done.stderr
    assert not list(tmp_path.iterdir())
