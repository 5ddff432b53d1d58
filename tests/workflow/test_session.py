"""Sessions of one command share its resources, and open none that nobody asks for."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from housing.api.invocation import invocation_of
from housing.config.load import check, compose
from housing.console import Console
from housing.tracking import schema
from housing.tracking.run_record import RunRecord
from housing.workflow.session import Session


@pytest.fixture
def session(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Session]:
    monkeypatch.chdir(tmp_path)
    overrides = (f"tracking.uri=sqlite:///{tmp_path / 'mlflow.db'}",)
    composed = compose(overrides, None)
    experiment = check(composed)
    invocation = invocation_of("tune", overrides, composed=composed, experiment=experiment)
    with Session(experiment, invocation, Console(as_json=True)) as session:
        yield session


def test_another_choice_has_other_data_and_the_same_resources(session: Session) -> None:
    other = session.choosing({"features": "domain"})
    assert session.choosing({"features": "domain"}) is other
    assert session.choosing({}) is session
    assert (other.runner, other.running_jobs, other.runs) == (session.runner, session.running_jobs, session.runs)
    assert other.experiment.features.name == "domain"
    assert other.prepared.encoder_digest != session.prepared.encoder_digest
    assert other.recording.run_tags[schema.ENCODER_DIGEST] == other.prepared.encoder_digest


def test_reading_the_data_opens_no_runner_and_makes_no_record(session: Session, tmp_path: Path) -> None:
    assert schema.DATA_DIGEST not in session.recording.run_tags
    _ = session.prepared
    assert session.recording.run_tags[schema.DATA_DIGEST] == session.prepared.data_digest
    assert not session.resources.runner.is_made
    assert not session.resources.host.is_made
    assert not (tmp_path / "mlflow.db").exists()


def test_the_run_that_mlflow_opened_is_filled_once(
    session: Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = session.runs.start(RunRecord("by mlflow", kind="run"))
    monkeypatch.setenv("MLFLOW_RUN_ID", opened)
    again = Session(session.experiment, session.invocation, session.reporter)
    other = again.choosing({"features": "domain"})
    first = other.resources.record.adopting(RunRecord("first"))
    second = again.resources.record.adopting(RunRecord("second"))
    assert (first.into, first.adopts) == (opened, True)
    assert (second.into, second.adopts) == (None, False)
