"""A script as a process on this machine: what it is given, and how it ends."""

from __future__ import annotations

import io
import json
import os
import re
import signal
import subprocess
import sys
import tarfile
import textwrap
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from housing.algorithms.own_code import Program
from housing.algorithms.script import about, load, pack
from housing.archives import unpack
from housing.data.channel import Channel, write_csv
from housing.errors import ModelError, TrainingError
from housing.testing.algorithm import table
from housing.testing.scripts import linear, program
from housing.training.job import TrainingJob, TrainingResult
from housing.training.script import run

WRITES_A_MODEL = "import os, pathlib; pathlib.Path(os.environ['SM_MODEL_DIR'], 'm').write_text('1')\n"


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("channels")
    for name, seed in (("train", 1), ("validation", 2)):
        features, label = table(seed, rows=40)
        write_csv(Channel(name, features, label, tuple("abcdef"), name), folder / f"{name}.csv")
    return {name: folder / f"{name}.csv" for name in ("train", "validation")}


def train(files: dict[str, Path], code: Program, *, label_transform: str = "none", **options: Any) -> TrainingResult:
    hyperparameters = options.pop("hyperparameters", {})
    job = TrainingJob("t07", "script", hyperparameters, dict(files), seed=0, label_transform=label_transform, code=code)
    return run(job, code, files, **options)


def source(text: str) -> dict[str, bytes]:
    return {"train.py": textwrap.dedent(text).encode()}


def test_the_environment_is_sagemaker_s(files: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SM_HP_LEFT_OVER", "from an outer job")
    script = source("""
        import json, os, pathlib, sys
        told = {name: value for name, value in os.environ.items() if name.startswith("SM_")}
        told |= {"argv": sys.argv[1:], "here": os.getcwd(), "transform": os.environ["HOUSING_LABEL_TRANSFORM"]}
        told["files"] = sorted(os.listdir(os.environ["SM_CHANNEL_TRAIN"]))
        config = pathlib.Path(os.environ["SM_INPUT_CONFIG_DIR"], "hyperparameters.json")
        told["config"] = json.loads(config.read_text())
        pathlib.Path(os.environ["SM_MODEL_DIR"], "told.json").write_text(json.dumps(told))
    """)
    hyperparameters = {"alpha": 0.5, "kernel": "rbf", "log_label": True, "n": 3}
    code = program(script, metrics={})
    result = train(files, code, hyperparameters=hyperparameters, label_transform="log", threads=2)
    told = _file(result.model, "told.json")
    assert told["argv"] == ["--alpha", "0.5", "--kernel", "rbf", "--log_label", "True", "-n", "3"]
    assert told["SM_HPS"] == '{"alpha": 0.5, "kernel": "rbf", "log_label": true, "n": 3}'
    hyperparameters_alone = {name: value for name, value in told.items() if name.startswith("SM_HP_")}
    assert hyperparameters_alone == {
        "SM_HP_ALPHA": "0.5",
        "SM_HP_KERNEL": "rbf",
        "SM_HP_LOG_LABEL": "true",
        "SM_HP_N": "3",
    }
    assert told["config"] == {"alpha": "0.5", "kernel": '"rbf"', "log_label": "true", "n": "3"}
    assert (told["SM_CHANNELS"], told["files"]) == ('["train", "validation"]', ["train.csv"])
    assert told["here"] == told["SM_MODULE_DIR"]
    assert (told["SM_NUM_CPUS"], told["transform"], told["SM_CURRENT_HOST"]) == ("2", "log", "algo-1")
    assert not Path(told["SM_MODEL_DIR"]).exists()


def test_a_model_carries_its_program(files: dict[str, Path]) -> None:
    model = train(files, linear(requirements=None)).model
    assert about(model) == {
        "entry_point": "train.py",
        "requirements": None,
        "framework": "sklearn",
        "framework_version": "1.9-0",
        "py_version": "py3",
    }


@pytest.mark.parametrize(
    ("hyperparameters", "told"),
    [
        ({"fault": "crash"}, r"(?s)^t07: train\.py failed with exit code 1; it said last:.*ArithmeticError: the loss"),
        ({"fault": "failure file"}, r"^t07: train\.py failed with exit code 7; the rows are too few$"),
        ({"fault": "no model"}, r"^t07: train\.py ended without an error, but wrote no model: nothing is in SM_MODEL"),
        ({"fault": "silent"}, r"^t07: train\.py ended without an error, but never printed train_mae \(train-mae: "),
        ({"typo": 1}, r"unrecognized arguments: --typo 1"),
    ],
)
def test_what_goes_wrong_is_told(files: dict[str, Path], hyperparameters: dict[str, Any], told: str) -> None:
    with pytest.raises(TrainingError, match=told):
        train(files, linear(), hyperparameters=hyperparameters)


def test_a_pattern_that_finds_no_number_is_told(files: dict[str, Path]) -> None:
    with pytest.raises(TrainingError, match=r"t07: the pattern of train_mae, mae: \(\\S\+\), finds 'low', which is no"):
        train(files, program(source("print('mae: low')"), metrics={"train_mae": r"mae: (\S+)"}))


def test_requirements_are_held_against_what_is_installed(files: dict[str, Path]) -> None:
    lines = (
        b"# ours\nnumpy>=1\nnumpy>=99 # too new\nno-such-package-of-ours\nother; sys_platform == 'none'\n-r more.txt\n"
    )
    code = program({"train.py": b"", "needs.txt": lines}, requirements="needs.txt")
    with pytest.raises(TrainingError) as raised:
        train(files, code)
    needed = r"needs numpy>=99 \(installed: [\d.]+\), no-such-package-of-ours \(needs\.txt\)"
    assert re.search(needed, str(raised.value))


def test_a_time_limit_ends_what_does_not_end(files: dict[str, Path]) -> None:
    began = time.monotonic()
    with pytest.raises(TrainingError, match=r"(?s)did not end within 1 s \(algorithm\.script\.timeout_s\).*begun"):
        train(files, program(source("import time; print('begun', flush=True); time.sleep(60)"), timeout_s=1))
    assert time.monotonic() - began < 10


def test_a_script_that_does_not_hear_is_killed(files: dict[str, Path]) -> None:
    hyperparameters = {"fault": "deaf", "rounds": 1000, "pause_s": 0.05}
    result = train(
        files, linear(), hyperparameters=hyperparameters, progress=lambda number, _: number >= 1, grace_s=0.3
    )
    assert result.stopped
    assert result.model == b""
    assert len(result.history["train_mae"]) < 200


def test_a_script_may_save_its_model_when_it_is_asked_to_end(files: dict[str, Path]) -> None:
    saves = source("""
        import os, pathlib, signal, sys, time
        def end(*_):
            pathlib.Path(os.environ["SM_MODEL_DIR"], "m").write_text("saved")
            sys.exit(0)
        signal.signal(signal.SIGTERM, end)
        while True:
            print("train-mae: 1 validation-mae: 2", flush=True)
            time.sleep(0.05)
    """)
    result = train(files, program(saves), progress=lambda number, _: number >= 1)
    assert result.stopped
    assert b"saved" in _files(result.model)["m"]


def test_ending_asks_a_script_to_end_that_prints_nothing(files: dict[str, Path]) -> None:
    ending = threading.Event()
    threading.Timer(0.5, ending.set).start()
    assert train(files, program(source("import time; time.sleep(60)")), ending=ending).stopped


def test_what_a_script_leaves_running_does_not_hold_its_job_up(files: dict[str, Path]) -> None:
    leaves = source(
        f"""
        import subprocess, sys
        subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
        print("train-mae: 1 validation-mae: 2")
        {WRITES_A_MODEL}"""
    )
    began = time.monotonic()
    assert train(files, program(leaves)).metrics == {"train_mae": 1, "validation_mae": 2}
    assert time.monotonic() - began < 10


def test_a_script_dies_with_whoever_runs_it(files: dict[str, Path], tmp_path: Path) -> None:
    pid_file = tmp_path / "pid"
    script = tmp_path / "train.py"
    script.write_text(f"import os, time; open({str(pid_file)!r}, 'w').write(str(os.getpid())); time.sleep(120)")
    runs = f"""
import pathlib
from tests.training.test_script import train
from housing.testing.scripts import program
train({{"train": pathlib.Path({str(files["train"])!r})}}, program({{"train.py": open({str(script)!r}, "rb").read()}}))
"""
    parent = subprocess.Popen([sys.executable, "-c", runs], cwd=Path(__file__).parents[2])
    pid = int(_eventually(lambda: pid_file.exists() and pid_file.read_text()))
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    assert _eventually(lambda: not _is_alive(pid))


def test_several_rounds_may_stand_in_the_lines_in_any_order(files: dict[str, Path]) -> None:
    prints = source(
        f"""
        print("validation-mae: 5")
        print("train-mae: 4")
        print("train-mae: 3")
        print("train-mae: 2 validation-mae: 1e1")
        {WRITES_A_MODEL}"""
    )
    rounds: list[tuple[int, dict[str, float]]] = []
    result = train(files, program(prints), progress=lambda number, newest: bool(rounds.append((number, dict(newest)))))
    assert rounds == [
        (0, {"validation_mae": 5, "train_mae": 4}),
        (1, {"train_mae": 3}),
        (2, {"train_mae": 2, "validation_mae": 10}),
    ]
    assert result.metrics == {"train_mae": 2, "validation_mae": 10}
    assert result.best_round == 2


def test_a_model_s_archive_is_the_same_whenever_it_is_made(tmp_path: Path) -> None:
    files = {"b": b"2", "a/c": b"1"}
    assert pack(files) == pack(dict(reversed(files.items())))
    unpack(pack(files), tmp_path)
    assert (tmp_path / "a" / "c").read_bytes() == b"1"


BROKEN = [
    ("", "train.py has no model_fn"),
    ("def model_fn(folder): raise KeyError('weights')", "train.py: model_fn failed: KeyError: 'weights'"),
    ("import sys; sys.exit(3)", "train.py cannot be imported: SystemExit: 3; what trains belongs below"),
    ("import no_such_module_of_ours", "train.py cannot be imported: ModuleNotFoundError"),
]


@pytest.mark.parametrize(("script", "told"), BROKEN)
def test_a_script_that_cannot_answer_says_why(script: str, told: str) -> None:
    described = b'{"entry_point": "train.py", "requirements": null}'
    model = pack({"code/train.py": script.encode(), "code/program.json": described})
    with pytest.raises(ValueError, match=re.escape(told)):
        load(model)


def test_two_versions_of_a_script_answer_beside_each_other(files: dict[str, Path]) -> None:
    features, _ = table(1)
    models = []
    for answer in (1, 2):
        sources = {
            "train.py": b"from beside import ANSWER\ndef model_fn(f): return 0\n"
            b"def predict_fn(x, m): return [ANSWER] * len(x)\n",
            "beside.py": f"ANSWER = {answer}".encode(),
        }
        described = b'{"entry_point": "train.py", "requirements": null}'
        packed = {f"code/{name}": content for name, content in sources.items()}
        models.append(load(pack({**packed, "code/program.json": described})))
    assert [set(model.predict(features)) for model in models] == [{1.0}, {2.0}]


@pytest.mark.parametrize(
    ("gives", "told"),
    [
        ("1 / 0", "train.py: predict_fn failed: ZeroDivisionError"),
        ("[float('nan')] * len(x)", "train.py: predict_fn gave 1 numbers that are not finite"),
        ("[1, 2]", "train.py: predict_fn gave an array (2,) for 1 rows"),
    ],
)
def test_an_answer_that_is_none_is_the_model_s_error(gives: str, told: str) -> None:
    script = f"def model_fn(f): return 0\ndef predict_fn(x, m): return {gives}\n"
    described = b'{"entry_point": "train.py", "requirements": null}'
    model = load(pack({"code/train.py": script.encode(), "code/program.json": described}))
    with pytest.raises(ModelError, match=re.escape(told)):
        model.predict(table(1)[0][:1])


def _files(model: bytes) -> dict[str, bytes]:
    with tarfile.open(fileobj=io.BytesIO(model), mode="r:gz") as tar:
        return {member.name: tar.extractfile(member).read() for member in tar}  # type: ignore[union-attr]


def _file(model: bytes, name: str) -> Any:
    return json.loads(_files(model)[name])


def _eventually(condition: Any, timeout_s: float = 120) -> Any:
    deadline = time.monotonic() + timeout_s
    while not (found := condition()) and time.monotonic() < deadline:
        time.sleep(0.05)
    return found


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return Path(f"/proc/{pid}/stat").read_text().split()[2] != "Z" if Path("/proc").is_dir() else True
