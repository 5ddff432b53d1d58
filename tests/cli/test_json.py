"""With `--json` every command prints one document in which each value has its type, and an error is one, too."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from housing.cli.commands import COMMANDS
from housing.json_values import json_value
from tests.workflow.conftest import Answer, called, in_process

ROLE = "arn:aws:iam::123456789012:role/mine"
REGION = ("runner.region=us-east-1", "host.region=us-east-1")
NUMBER = float
TIME = datetime
METRICS = {str: NUMBER}
JOB = {"run_id": str, "name": str, "metrics": METRICS, "rounds_kept": int, "config_hash": str, "seconds": NUMBER}
PLANNED = {"name": str, "algorithm": str, "known": (str, None), "seconds": (NUMBER, None)}
PLAN = {"endpoint": str, "changes": [str], "how": str, "add": int, "change": int, "remove": int}
VARIANT = {
    "model": str,
    "weight": NUMBER,
    "share": NUMBER,
    "instances": int,
    "invocations": int,
    "failures": int,
    "latency_ms": (NUMBER, None),
}
SEEN = {
    "model": str,
    "word": str,
    "captured_requests": int,
    "captured_rows": int,
    "requests": int,
    "failures": int,
    "share_declared": NUMBER,
    "share_seen": (NUMBER, None),
    "latency_ms": (NUMBER, None),
    "p99_ms": (NUMBER, None),
    "server_errors": int,
    "intervals": None,
    "drifted": [str],
    "columns": list,
    "levels": dict,
    "remarks": [str],
}
RUN = {
    "run_id": str,
    "name": str,
    "kind": str,
    "status": str,
    "started": TIME,
    "seconds": (NUMBER, None),
    "parent": (str, None),
    "metrics.validation_mae": NUMBER,
    "params.max_depth": int,
    "params.eta": NUMBER,
    "params.eval_metric": [str],
    "params.algorithm": str,
    ...: object,
}
POINT = {"eta": NUMBER, "max_depth": int, "eval_metric": [str], "objective": str, ...: object}
PROMOTED = {"model": str, "version": int, "alias": str, "is_new": bool, "is_champions_model": bool, "run_id": str}
SHAPES: Mapping[tuple[str, ...], Any] = {
    ("prepare",): {"rows": int, "columns": int, "data_digest": str, "left_out": {str: int}, "file": (str, None)},
    ("train", "--dry-run"): {"jobs": [PLANNED], "total": int, "to_train": int, "expected_seconds": (NUMBER, None)},
    ("train",): JOB,
    ("train", "-m", "algorithm.eta=0.1,0.3"): {
        "run_id": str,
        "jobs": [{**JOB, "overrides": [str], "failure": None}],
    },
    ("tune",): {
        "run_id": str,
        "name": str,
        "best": {"run_id": str, str: NUMBER},
        "trials": int,
        "spread": METRICS,
        "importances": METRICS,
        "importances_between": dict,
        "costs": dict,
        "config_hash": str,
    },
    ("compare",): {
        "runs": [{"run_id": str, "name": str}],
        "comparable": bool,
        "differing": {"configuration": dict, "metrics": {str: [(NUMBER, None)]}, "origin": dict},
        "equal": {
            "min_child_weight": NUMBER,
            "eval_metric": [str],
            "dataset.missing_values": [str],
            "rounds_kept": int,
            ...: object,
        },
    },
    ("runs", "--filter", "tags.`housing.kind` = 'job'"): {"runs": [RUN]},
    ("promote",): {**PROMOTED, "metrics": METRICS, "references": {str: {str: NUMBER}}, "hyperparameters": POINT},
    ("plan",): {**PLAN, "warnings": [str]},
    ("deploy",): {**PLAN, "url": str, "warnings": [str]},
    ("predict", "mine.csv"): {"endpoint": str, "label": str, "predictions": [{"value": NUMBER, "variant": str}]},
    ("status",): {
        "endpoints": [
            {
                "endpoint": str,
                "state": str,
                "url": str,
                "variants": {str: VARIANT},
                "usd_per_hour": (NUMBER, None),
                "invocations_last_day": (int, None),
            }
        ],
        "remains": [str],
    },
    ("lineage", "mine-endpoint"): {
        "endpoint": str,
        "variants": [
            {
                "variant": str,
                "share": NUMBER,
                "links": [{"what": str, "value": str, "state": str, "why": str}],
            }
        ],
        "faults": [str],
    },
    ("monitor",): {
        "endpoint": str,
        "run_id": str,
        "variants": {str: SEEN},
        "since": TIME,
        "findings": int,
        "sample_ratio": {"p_value": (NUMBER, None), "is_off": bool},
        "budgets": list,
        "errors": None,
    },
    ("run",): {
        "endpoint": str,
        "url": str,
        "model": str,
        "version": int,
        "figures": METRICS,
        "elsewhere": dict,
        "test": METRICS,
        "hyperparameters": POINT,
        "config_hash": str,
        "predictions": [{"row": int, "predicted": NUMBER, "true": NUMBER, "variant": str}],
    },
    ("benchmark", "benchmark.folds=2", "benchmark.seeds=[0]"): {
        "benchmark": str,
        "standings": [dict],
        "overall": [dict],
        "scores": [dict],
        "left_out": {str: str},
        "failures": [str],
    },
    ("attach",): {"runs": list},
    ("destroy",): PLAN,
    ("rehearsal", "status"): {"running": bool, "folder": str},
    ("iam", "role", "target=sagemaker", "runner.role_arn=" + ROLE, "host.role_arn=" + ROLE, *REGION): dict,
}
NEVER_ENDS = {"ui"}
"""It serves until Ctrl-C."""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("json")
    rows = "".join(f"{i},{30 + i % 70},{'old' if i % 3 else 'new'},{1000 + 10 * (i % 70)}\n" for i in range(120))
    (folder / "mine.csv").write_text(f"id,area,age,price\n{rows}")
    described = called("describe", "mine.csv", "--label", "price", folder=folder)
    (folder / "conf" / "dataset").mkdir(parents=True)
    (folder / "conf" / "dataset" / "mine.yaml").write_text(described.out)
    yield folder
    in_process("destroy", "deployment.endpoint=mine-endpoint", folder=folder)


@pytest.fixture(scope="module")
def answers(project: Path) -> Mapping[tuple[str, ...], Answer]:
    """One walk through all of them, in the order of the table."""
    words = ("--config-dir", "conf", "dataset=mine", "algorithm.num_round=5", "study.trials=2", "--json")
    return {command: called(*command, *words, folder=project) for command in SHAPES}


@pytest.mark.parametrize("command", SHAPES, ids=lambda command: " ".join(command[:2]))
def test_every_value_has_its_type(command: tuple[str, ...], answers: Mapping[tuple[str, ...], Answer]) -> None:
    answer = answers[command]
    assert answer.code == 0, answer.err
    assert list(_misfits(answer.data, SHAPES[command], "")) == []


def test_no_command_is_left_out() -> None:
    composing = {name for name, command in COMMANDS.items() if command.composes}
    assert composing == {command[0] for command in SHAPES} | NEVER_ENDS


@pytest.mark.parametrize("words", [("train", "algorithm.maxdepth=3"), ("frobnicate",), ("plan",), ("train", "--tip")])
def test_an_error_is_a_document_too(words: tuple[str, ...], tmp_path: Path) -> None:
    answer = called(*words, "--json", folder=tmp_path)
    assert answer.data["exit_code"] == answer.code != 0
    assert answer.data["message"] in answer.err
    assert answer.data.keys() == {"error", "message", "exit_code"}


def test_what_json_has_not_is_null_or_a_text() -> None:
    import numpy as np

    assert json_value({1: float("nan"), "a": np.float32(0.5), "b": np.arange(2), "c": Path("x"), "d": {"z", "y"}}) == {
        "1": None,
        "a": 0.5,
        "b": [0, 1],
        "c": "x",
        "d": ["y", "z"],
    }


def _misfits(value: Any, shape: Any, where: str) -> Iterator[str]:
    """Where a value is not of its shape: a type, (one of several), [of each item], {key: shape} or {str: of each}."""
    if shape is object or (shape is None and value is None):
        return
    if isinstance(shape, tuple):
        found = [list(_misfits(value, one, where)) for one in shape]
        yield from [] if [] in found else [f"{where}: {value!r} is none of {shape}"]
    elif isinstance(shape, list) and isinstance(value, list):
        for place, item in enumerate(value):
            yield from _misfits(item, shape[0], f"{where}[{place}]")
    elif isinstance(shape, dict) and isinstance(value, dict):
        yield from _of_keys(value, shape, where)
    elif not isinstance(shape, type) or not _IS.get(shape, lambda each: isinstance(each, shape))(value):
        yield f"{where}: {value!r} is not {shape}"


def _of_keys(value: dict[str, Any], shape: dict[Any, Any], where: str) -> Iterator[str]:
    named = {key: one for key, one in shape.items() if isinstance(key, str)}
    others = shape.get(str, shape.get(...))
    yield from (f"{where}.{key}: is missing" for key in named.keys() - value.keys())
    for key, item in value.items():
        if key not in named and others is None:
            yield f"{where}.{key}: is not in the table"
        else:
            yield from _misfits(item, named.get(key, others), f"{where}.{key}")


def _is_time(value: Any) -> bool:
    return isinstance(value, str) and "T" in value and datetime.fromisoformat(value).tzinfo is not None


_IS: Mapping[type, Callable[[Any], bool]] = {
    int: lambda value: isinstance(value, int) and not isinstance(value, bool),
    float: lambda value: isinstance(value, int | float) and not isinstance(value, bool),
    datetime: _is_time,
}
