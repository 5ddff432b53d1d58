"""Runs a container from its start to its exit code, whichever program it is."""

from __future__ import annotations

import json
import logging
import os
import signal
import sys
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from housing.rehearsal.container import distributed, script, xgboost_training
from housing.rehearsal.container.errors import AlgorithmError, ContainerError
from housing.rehearsal.container.tree import Tree

_log = logging.getLogger("sagemaker-containers")


@dataclass(frozen=True)
class ContainerConfig:
    """`root` is the folder used as /opt/ml; `environment` has the variables that the image and the request set.

    A `command` replaces the program of `framework`'s image: `xgboost`'s algorithm, or a script. A round takes at
    least `round_s` seconds; after round `pause_at` the container waits to be killed. With `fails` it fails at once,
    with that message. `meeting` is where several hosts of a job meet, as `distributed.Meeting`.
    """

    root: str
    framework: str
    environment: Mapping[str, str] = field(default_factory=dict)
    command: Sequence[str] = ()
    round_s: float = 0
    pause_at: int | None = None
    fails: str | None = None
    meeting: Mapping[str, Any] | None = None


def run(config: ContainerConfig, report: Callable[[str], None]) -> int:
    """Run the container, and return its exit code; `report` is called with `at <round>` before it pauses."""
    tree = Tree(Path(config.root))
    os.environ.update(config.environment)
    os.chdir(tree.root)
    if config.command:
        return script.run_command(tree, config.command)
    _log_as_the_image_does(tree)
    try:
        _train(config, tree, report)
    except script.ScriptError as error:
        return _failed(tree, str(error))
    except Exception as error:
        return _failed(tree, f"framework error: \n{_traceback(error)}\n{error}")
    _log.info("Reporting training SUCCESS")
    return 0


def _train(config: ContainerConfig, tree: Tree, report: Callable[[str], None]) -> None:
    if config.fails:
        raise AlgorithmError(config.fails)
    if script.program(tree):
        _log.info("Invoking user training script.")
        script.run(tree)
        return
    if config.framework != "xgboost":
        raise script.MissingProgram
    _log.info("Running XGBoost Sagemaker in algorithm mode")
    meeting = distributed.Meeting(**config.meeting) if config.meeting else None
    xgboost_training.train(tree, _paced(config, report), meeting)


def _log_as_the_image_does(tree: Tree) -> None:
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(_ContainerFormatter(tree))
    logging.basicConfig(handlers=[handler], level=logging.INFO, force=True)
    _log.info("Imported framework sagemaker_xgboost_container.training")
    for name, value in tree.read("hyperparameters").items():
        try:
            json.loads(value)
        except ValueError:
            _log.info("Failed to parse hyperparameter %s value %s to Json.\nReturning the value itself", name, value)
    _log.info("No GPUs detected (normal if no gpus installed)")


class _ContainerFormatter(logging.Formatter):
    """The image's line format, with /opt/ml in place of our folder."""

    def __init__(self, tree: Tree) -> None:
        super().__init__("[%(asctime)s:%(levelname)s] %(message)s", "%Y-%m-%d:%H:%M:%S")
        self._tree = tree

    def format(self, record: logging.LogRecord) -> str:
        return self._tree.shown(super().format(record))


def _traceback(error: Exception) -> str:
    """Python's own for an unexpected error, else only the last line of the container's."""
    if not isinstance(error, ContainerError):
        return "".join(traceback.format_exception(error))
    return (
        f"Traceback (most recent call last):\nsagemaker_algorithm_toolkit.exceptions.{type(error).__name__}: {error}\n"
    )


def _failed(tree: Tree, reason: str) -> int:
    reason = tree.shown(reason)
    tree.failure.write_text(reason, encoding="utf-8")
    _log.error("Reporting training FAILURE")
    _log.error(reason)
    return 1


def _paced(config: ContainerConfig, report: Callable[[str], None]) -> Callable[[int], None]:
    began = time.monotonic()

    def after_round(number: int) -> None:
        nonlocal began
        if number == config.pause_at:
            report(f"at {number}")
            while True:
                signal.pause()
        time.sleep(max(0.0, began + config.round_s - time.monotonic()))
        began = time.monotonic()

    return after_round
