from __future__ import annotations

import json
import tarfile
from collections.abc import Iterator

import pytest

from housing.rehearsal.container.tree import Tree
from housing.rehearsal.training.engine import Engine
from tests.rehearsal.container.trees import Machine

TELL = """
import json, os, sys
told = {"arguments": sys.argv[1:], "folder": os.getcwd(), "environment": dict(os.environ)}
open(os.path.join(os.environ["SM_MODEL_DIR"], "told.json"), "w").write(json.dumps(told))
print("loss: 0.25", flush=True)
"""


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    folder = tmp_path_factory.mktemp("containers")
    engine = Engine(folder / "log")
    yield Machine(folder, engine)
    engine.close()


def _tree(machine: Machine, name: str, files: dict[str, str], hyperparameters: dict[str, str] | None = None) -> Tree:
    given = {"sagemaker_program": '"train.py"', **(hyperparameters or {})}
    tree = machine.tree(name, given, {"train": "1,2\n", "test": "3,4\n"})
    folder = tree.root.parent / "source"
    folder.mkdir()
    with tarfile.open(tree.root.parent / "sourcedir.tar.gz", "w:gz") as packed:
        for file, text in files.items():
            (folder / file).write_text(text)
            packed.add(folder / file, arcname=file)
    return tree


def test_a_script_finds_what_the_toolkit_promises(machine: Machine) -> None:
    given = {"alpha": "0.5", "name": '"ridge"', "sagemaker_region": '"us-east-1"', "_tuning_objective_metric": "loss"}
    tree = _tree(machine, "contract", {"train.py": TELL}, given)

    ended = machine.run(tree, "sklearn")

    assert ended.code == 0, ended.failure
    assert "loss: 0.25" in ended.lines
    told = json.loads((tree.model / "told.json").read_text())
    assert told["arguments"] == ["--alpha", "0.5", "--name", "ridge"]
    environment = told["environment"]
    assert environment["SM_CHANNEL_TRAIN"] == str(tree.data / "train")
    assert json.loads(environment["SM_CHANNELS"]) == ["test", "train"]
    assert environment["SM_MODEL_DIR"] == str(tree.model)
    assert environment["SM_OUTPUT_DATA_DIR"] == str(tree.output_data)
    assert json.loads(environment["SM_HPS"]) == {"alpha": 0.5, "name": "ridge"}
    assert environment["SM_HP_ALPHA"] == "0.5"
    assert environment["SM_NUM_GPUS"] == "0"
    assert environment["SM_CURRENT_HOST"] == "algo-1"
    assert json.loads(environment["SM_TRAINING_ENV"])["channel_input_dirs"]["test"] == str(tree.data / "test")
    assert told["folder"] == str(tree.code)


def test_a_script_begins_with_one_thread_unless_the_request_says_otherwise(machine: Machine) -> None:
    tree = _tree(machine, "threads", {"train.py": TELL})

    ended = machine.run(tree, "sklearn", environment={"OMP_NUM_THREADS": "2"})

    assert ended.code == 0, ended.failure
    environment = json.loads((tree.model / "told.json").read_text())["environment"]
    assert environment["OMP_NUM_THREADS"] == "2"
    assert environment["OPENBLAS_NUM_THREADS"] == environment["MKL_NUM_THREADS"] == "1"


def test_a_script_that_fails_tells_its_traceback(machine: Machine) -> None:
    ended = machine.run(_tree(machine, "fails", {"train.py": "raise ValueError('no such column')\n"}), "sklearn")

    assert ended.code == 1
    assert ended.failure.startswith('ExecuteUserScriptError:\nExitCode 1\nErrorMessage "Traceback (most recent call')
    assert "ValueError: no such column" in ended.failure
    assert ended.failure.endswith(' train.py"')


def test_requirements_that_are_missing_are_named_and_not_installed(machine: Machine) -> None:
    wanted = "numpy>=1 # any\nno-such-package-at-all==1\nxgboost<1; python_version > '3'\n"
    ended = machine.run(_tree(machine, "missing", {"train.py": TELL, "requirements.txt": wanted}), "sklearn")

    assert ended.code == 1
    assert "InstallRequirementsError" in ended.failure
    assert "no-such-package-at-all==1: is not installed" in ended.failure
    assert "is installed. The rehearsal installs nothing" in ended.failure
    assert "numpy" not in ended.failure


def test_requirements_that_are_here_pass(machine: Machine) -> None:
    ended = machine.run(_tree(machine, "here", {"train.py": TELL, "requirements.txt": "numpy>=1\n"}), "sklearn")

    assert ended.code == 0, ended.failure


def test_a_program_that_is_not_there_is_named(machine: Machine) -> None:
    ended = machine.run(_tree(machine, "absent", {"other.py": TELL}), "sklearn")

    assert ended.code == 1
    assert ended.failure == "[Errno 2] No such file or directory: '/opt/ml/code/train.py'"


def test_a_framework_without_a_script_says_what_it_lacks(machine: Machine) -> None:
    ended = machine.run(machine.tree("bare", {}, {"train": "1,2\n"}), "sklearn")

    assert ended.code == 1
    assert "sagemaker_program" in ended.failure


def test_a_command_takes_the_place_of_the_image(machine: Machine) -> None:
    command = ["/bin/bash", "-c", "python3 -m pip install -r /dev/null && cp -r /opt/ml/input/config /opt/ml/model/"]

    ended = machine.run(machine.tree("command", {"alpha": "1"}, {"train": "1,2\n"}), command=command)

    assert ended.code == 0, ended.lines
    assert json.loads((ended.tree.model / "config/hyperparameters.json").read_text()) == {"alpha": "1"}


def test_what_a_script_has_started_ends_with_it(machine: Machine) -> None:
    leaving = "import subprocess, sys\nsubprocess.Popen(['sleep', '100'], stderr=subprocess.DEVNULL)\n"

    ended = machine.run(_tree(machine, "leaving", {"train.py": leaving}), "sklearn")

    assert ended.code == 0  # and its log has ended, which the child kept open
