"""A small part of `python -m benchmarks.hostile`: one of every kind, and secrets."""

from __future__ import annotations

from pathlib import Path

import pytest

from housing.cli.dispatch import main
from tests.hostile_inputs import Case, cases

# Too little memory needs a process of its own.
SOME = [case for case in cases(22) if case.memory_mb is None]


@pytest.mark.parametrize("case", SOME, ids=[f"{number}-{case.kind}" for number, case in enumerate(SOME)])
def test_it_is_refused_or_done_and_tells_no_secret(
    case: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("MLFLOW_TRACKING_URI", "MLFLOW_RUN_ID", "MLFLOW_EXPERIMENT_ID"):
        monkeypatch.delenv(name, raising=False)
    for name, value in case.environment.items():
        monkeypatch.setenv(name, value)
    case.put(tmp_path)
    code = main(list(case.arguments))
    captured = capsys.readouterr()
    assert case.faults(code, captured.out + captured.err, tmp_path) == []


def test_the_cases_are_the_same_every_time() -> None:
    assert cases(40) == cases(40)
    assert {case.kind for case in cases(40)} >= {"aliases", "depth", "numbers", "controls", "sources", "secrets"}
