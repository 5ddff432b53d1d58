"""Runs a user's script as SageMaker's framework images do: its environment, arguments and failure message.

After aws/sagemaker-training-toolkit. Nothing is installed: what requirements.txt asks for must be installed already.
"""

from __future__ import annotations

import json
import logging
import os
import shlex
import shutil
import subprocess
import sys
import tarfile
from collections import deque
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from housing.rehearsal.container import requirements
from housing.rehearsal.container.tree import MOUNT, Tree
from housing.rehearsal.container.unpacking import extract

_OURS = "sagemaker_"
_TUNING_METRIC = "_tuning_objective_metric"
_TAIL = 50  # lines of its stderr that a script's failure quotes
_log = logging.getLogger("sagemaker-training-toolkit")


class ScriptError(Exception):
    """The script, or something that it needs, is at fault; the text is written to the failure file."""


class MissingProgram(ScriptError):
    def __init__(self) -> None:
        super().__init__(
            "no script was given: set the hyperparameters sagemaker_program and sagemaker_submit_directory"
        )


def program(tree: Tree) -> str | None:
    """The script's file name; None when the job has none."""
    return _hyperparameters(tree).get("sagemaker_program") or os.environ.get("SAGEMAKER_PROGRAM")


def run(tree: Tree) -> None:
    """Run the script to its end. Raises ScriptError."""
    name = program(tree)
    assert name
    _unpack(tree)
    if not (tree.code / name).exists():
        raise ScriptError(f"[Errno 2] No such file or directory: '{tree.code / name}'")
    if (tree.code / "requirements.txt").exists() and name.endswith(".py"):
        _log.info("Installing dependencies from requirements.txt")
        if problem := requirements.problem(tree.code / "requirements.txt"):
            raise ScriptError(f'InstallRequirementsError:\nExitCode 1\nErrorMessage "{problem}"')
    arguments = _arguments(tree)
    if name.endswith(".py"):
        command = [sys.executable, name, *arguments]
    else:
        (tree.code / name).chmod(0o755)
        command = ["/bin/sh", "-c", f"./{name} {shlex.join(arguments)}"]
    environment = environ(tree, name, arguments)
    _log.info("Invoking script with the following command:\n\n%s\n", shlex.join(command))
    ended = subprocess.Popen(
        command,
        cwd=tree.code,
        env=os.environ | environment | {"PYTHONUNBUFFERED": "1"},
        stdin=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
    )
    assert ended.stderr
    tail: deque[str] = deque(maxlen=_TAIL)
    for line in ended.stderr:
        sys.stderr.write(line)
        sys.stderr.flush()
        tail.append(line)
    if code := ended.wait():
        raise ScriptError(
            f'ExecuteUserScriptError:\nExitCode {code}\nErrorMessage "{_error(tail)}"\nCommand "{shlex.join(command)}"'
        )


def run_command(tree: Tree, command: Sequence[str]) -> int:
    """Run the container entry point and arguments of the request, in place of the image's program."""
    shims = requirements.shims(tree.root.parent / "bin")
    path = os.pathsep.join([str(shims), str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])
    python_path = os.pathsep.join([str(shims), *filter(None, [os.environ.get("PYTHONPATH")])])
    unbuffered = {"PATH": path, "PYTHONPATH": python_path, "PYTHONUNBUFFERED": "1"}
    try:
        return subprocess.run(
            [word.replace(MOUNT, str(tree.root)) for word in command],
            cwd=tree.root,
            env=os.environ | unbuffered,
            stdin=subprocess.DEVNULL,
            check=False,
        ).returncode
    except OSError as error:
        print(error, file=sys.stderr)  # noqa: T201
        return 127


def environ(tree: Tree, name: str, arguments: Sequence[str]) -> dict[str, str]:
    """The variables of the toolkit's contract: `SM_CHANNEL_*`, `SM_MODEL_DIR`, `SM_HPS`, `SM_HP_*` ..."""
    machine = tree.read("resourceconfig")
    channels = {channel: str(tree.data / channel) for channel in sorted(tree.read("inputdataconfig"))}
    own = _own(tree)
    found: dict[str, Any] = {
        "hosts": machine["hosts"],
        "network_interface_name": machine["network_interface_name"],
        "hps": own,
        "user_entry_point": name,
        "framework_params": {k: v for k, v in _hyperparameters(tree).items() if k.startswith(_OURS)},
        "resource_config": machine,
        "input_data_config": tree.read("inputdataconfig"),
        "output_data_dir": str(tree.output_data),
        "channels": list(channels),
        "current_host": machine["current_host"],
        "current_instance_type": machine["current_instance_type"],
        "module_name": name.removesuffix(".py"),
        "log_level": 20,
        "input_dir": str(tree.root / "input"),
        "input_config_dir": str(tree.config),
        "output_dir": str(tree.output),
        "num_cpus": os.cpu_count() or 1,
        "num_gpus": 0,
        "num_neurons": 0,
        "model_dir": str(tree.model),
        "module_dir": _hyperparameters(tree).get("sagemaker_submit_directory", str(tree.code)),
        "user_args": list(arguments),
        "output_intermediate_dir": str(tree.output / "intermediate"),
    }
    found["training_env"] = {**found, "channel_input_dirs": channels, "hyperparameters": own}
    found |= {f"channel_{channel}": path for channel, path in channels.items()}
    found |= {f"hp_{key}": value for key, value in own.items()}
    return {f"SM_{key.upper()}": _text(value) for key, value in found.items()}


def _hyperparameters(tree: Tree) -> dict[str, Any]:
    found = {}
    for name, text in tree.read("hyperparameters").items():
        try:
            found[name] = json.loads(text)
        except ValueError:
            found[name] = text
    return found


def _own(tree: Tree) -> dict[str, Any]:
    """The hyperparameters that are meant for the script."""
    given = _hyperparameters(tree)
    return {k: v for k, v in given.items() if not k.startswith(_OURS) and k != _TUNING_METRIC}


def _arguments(tree: Tree) -> list[str]:
    arguments = []
    for name, value in sorted(_own(tree).items()):
        is_map = isinstance(value, Mapping)
        text = ",".join(f"{k}={v}" for k, v in sorted(value.items())) if is_map else str("" if value is None else value)
        arguments += [f"--{name}" if len(name) > 1 else f"-{name}", text]
    return arguments


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    return "" if value is None else json.dumps(value, sort_keys=True, separators=(",", ":"))


def _unpack(tree: Tree) -> None:
    """Fill the script's folder, from the archive that the request names or from the channel `code`."""
    tree.code.mkdir(exist_ok=True)
    archive = tree.root.parent / "sourcedir.tar.gz"
    if archive.exists():
        try:
            with tarfile.open(archive) as packed:
                extract(packed, tree.code)
        except tarfile.TarError as error:
            raise ScriptError(f"sagemaker_submit_directory: not a tar.gz archive: {error}") from error
    elif (tree.data / "code").is_dir():
        shutil.copytree(tree.data / "code", tree.code, dirs_exist_ok=True)


def _error(tail: Sequence[str]) -> str:
    """The last traceback, or everything where there is none."""
    lines = list(tail)
    begin = max((n for n, line in enumerate(lines) if line.startswith("Traceback")), default=0)
    return "".join(lines[begin:]).strip()
