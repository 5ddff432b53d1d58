"""The commands as a library: the same records, figures and errors as on the command line."""

from __future__ import annotations

import json
import logging
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pandas as pd
import pytest
from mlflow import MlflowClient

import housing as library
from housing.api.result import result_of
from housing.secrets import remember_override
from housing.tracking import schema
from housing.workflow.outcome import Outcome, OutputTable
from tests.workflow.conftest import Answer, Housing
from tests.workflow.quick import POINT

SMALL = (*POINT, "dataset=penguins", "algorithm.num_round=8", "study.trials=2", "study.parallel=1")


def test_the_walkthrough_in_a_program_has_the_figures_of_the_command_line(
    project: Path, housing: Housing, capsys: pytest.CaptureFixture[str]
) -> None:
    mine = library.compose(*SMALL, "name=program", "tracking.model=program", "deployment.endpoint=program")
    trained = mine.train()
    tuned = mine.tune()
    promoted = mine.promote()
    assert mine.plan().changes > 0
    mine.deploy()
    assert mine.plan().changes == 0
    rows = mine_rows()
    answers = mine.predict(rows)
    mine.destroy()
    assert capsys.readouterr().out == "", "a library prints nothing"

    theirs = (*SMALL, "name=command", "tracking.model=command", "deployment.endpoint=command")
    assert _told(housing("train", "--json", *theirs))["metrics"] == trained.data["metrics"]
    best = _told(housing("tune", "--json", *theirs))["best"]
    assert {k: v for k, v in best.items() if k != "run_id"} == {
        k: v for k, v in tuned.data["best"].items() if k != "run_id"
    }
    assert _told(housing("promote", "--json", *theirs))["metrics"] == promoted.data["metrics"]
    assert list(answers.index) == list(rows.index)
    assert list(answers.columns) == [
        "prediction",
        *(f"probability_{level}" for level in mine.config.dataset.label_levels),
        "variant",
    ]
    assert answers.filter(like="probability_").sum(axis=1).tolist() == pytest.approx([1.0] * len(rows), abs=1e-6)

    described(str(trained.run_id), str(tuned.run_id), str(promoted.run_id))

    record = mine.runs()
    assert trained.run_id in set(record["run_id"])
    assert set(mine.runs(f"attributes.run_name = '{trained.data['name']}'")["run_id"]) == {trained.run_id}
    assert record["seconds"].max() > 0
    assert record.loc[record["run_id"] == trained.run_id, "kind"].item() == "job"
    assert mine.report(str(trained.run_id)) == trained.report
    assert "<html" in trained.report
    assert "Trial 0" not in tuned.report and "Parallel coordinates" in tuned.report
    assert mine.compare(str(trained.run_id), str(tuned.data["best"]["run_id"])).frame().shape[0] > 0
    assert "<table" in trained._repr_html_()
    assert "<td>1</td>" in tuned._repr_html_(), "a rank is whole, though the row of the naive predictor has none"


def described(job: str, study: str, final: str) -> None:
    """What MLflow's pages show of runs, of the version and of its model; and the columns of the dataset."""
    record = MlflowClient("sqlite:///mlflow.db")
    runs = {name: record.get_run(run_id) for name, run_id in (("job", job), ("study", study), ("final", final))}
    trials = record.search_runs([runs["study"].info.experiment_id], f"tags.`mlflow.parentRunId` = '{study}'")
    for trial in trials:
        assert re.match(r"Trial \d of `.*`, complete: validation_log_loss \d", trial.data.tags["mlflow.note.content"])
    notes = {name: run.data.tags["mlflow.note.content"] for name, run in runs.items()}
    assert "validation_log_loss" in notes["job"]
    assert "| 1 | t0" in notes["study"]
    assert "naive" in notes["study"]
    card = notes["final"]
    for told in ("Predicts `species`", "95% interval", "## Gate", "| passed |", "- `sex`: nominal, female/male"):
        assert told in card
    assert len(card) < 5_000
    assert record.get_model_version("program", "1").description == card
    assert "models:/program@champion" in record.get_registered_model("program").description
    (block,) = re.findall(r"```python\n(.*?)```", Path(schema.__file__).read_text(encoding="utf-8"), re.DOTALL)
    asked: dict[str, list[object]] = {}
    exec(block.replace("metrics.validation_mae < 20000", "metrics.validation_log_loss < 2"), asked)
    assert asked["runs"], "the page of the record tells how to ask it"
    columns = json.loads(runs["final"].inputs.dataset_inputs[0].dataset.schema)["mlflow_colspec"]
    assert {"name": "bill_length_mm", "type": "double"} in columns
    assert {"name": "species", "type": "string"} in columns


def mine_rows() -> pd.DataFrame:
    row = {
        "species": "Adelie",
        "island": "Biscoe",
        "bill_length_mm": 39.1,
        "bill_depth_mm": 18.7,
        "flipper_length_mm": 181.0,
        "body_mass_g": 3750.0,
        "sex": "male",
        "year": 2008,
    }
    return pd.DataFrame([row, row | {"bill_length_mm": None}, row | {"bill_length_mm": 50.0}], index=["a", "b", "c"])


def _told(answer: Answer) -> dict[str, object]:
    assert answer.code == 0, answer.err
    found: dict[str, object] = answer.data
    return found


def test_a_sweep_is_one_result_and_a_job_that_fails_is_told(project: Path) -> None:
    result = library.compose(*SMALL).sweep("algorithm.eta=0.1,0.3")
    assert [job["failure"] for job in result.data["jobs"]] == [None, None]
    assert result.run_id is not None
    frame = result.frame()
    assert list(frame.columns) == ["rank", "job", "validation_log_loss", "result"]
    assert list(frame["rank"]) == [1, 2] and frame["validation_log_loss"].is_monotonic_increasing


def test_the_jobs_are_listed_before_any_is_trained(project: Path) -> None:
    small = library.compose(*SMALL)
    study = small.dry_run()
    assert [job["known"] for job in study.data["jobs"]] == [None, None]
    assert study.data["to_train"] == 2
    jobs = small.dry_run("algorithm.eta=0.1,0.3", command="train")
    assert list(jobs.frame()["job"]) == ["algorithm.eta=0.1", "algorithm.eta=0.3"]
    assert not (project / "mlflow.db").exists()
    with pytest.raises(ValueError, match="train or tune"):
        small.dry_run(command="promote")


def test_threads_may_compose_and_train_at_once(project: Path) -> None:
    def trained(eta: float) -> float:
        result = library.compose(*SMALL, f"algorithm.eta={eta}").train()
        return float(result.data["metrics"]["validation_log_loss"])

    trained(0.5)  # the record is there
    etas = (0.1, 0.2, 0.3, 0.4)
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(trained, etas))
    assert together == [trained(eta) for eta in etas]


def test_errors_are_one_tree_with_their_faults_as_data(project: Path) -> None:
    with pytest.raises(library.ConfigError) as refused:
        library.compose("algorithm.maxdepth=4", "study.trials=0")
    assert isinstance(refused.value, library.HousingError)
    faults = {fault.key: fault for fault in refused.value.faults}
    assert set(faults) == {"algorithm.maxdepth", "study.trials"}
    assert faults["algorithm.maxdepth"].way_out == "did you mean algorithm.max_depth?"
    assert faults["algorithm.maxdepth"].where == "command line"
    Path("mine.csv").write_text("area,price\n" + "".join(f"{row - 2},{row % 7}\n" for row in range(60)))
    Path("conf", "dataset").mkdir(parents=True)
    Path("conf", "dataset", "mine.yaml").write_text(
        "{name: mine, source: mine.csv, label: price,\n"
        "columns: {area: {kind: numeric, low: 0}, price: {kind: numeric}},\n"
        "split: {fractions: {train: 0.6, validation: 0.2, test: 0.2}, seed: 0}}\n"
    )
    with pytest.raises(library.DataError) as unread:
        library.compose(*SMALL, "dataset=mine", config_dir="conf").train()
    (low,) = unread.value.faults
    assert (low.count, len(low.examples)) == (2, 2)
    assert "area" in low.fault
    with pytest.raises(library.RegistryError, match="nothing to promote"):
        library.compose(*SMALL).promote()
    with pytest.raises(library.GateRefused) as kept:
        mine = library.compose(*SMALL, "gate.at_most=0.0001")
        mine.train()
        mine.promote()
    assert {verdict.passed for verdict in kept.value.verdicts} == {False, True}
    assert kept.value.run_id in set(mine.runs()["run_id"])
    with pytest.raises(ValueError, match="command must be train or tune, got 'promote'"):
        library.compose(*SMALL).sweep(command="promote")
    with pytest.raises(AttributeError, match="no attribute 'composed'"):
        _ = library.composed  # type: ignore[attr-defined]


def test_progress_goes_to_logging_or_to_stderr(
    project: Path, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    with caplog.at_level(logging.INFO, logger="housing"):
        library.compose(*SMALL).train()
    assert any(message.startswith("data: penguins: ") for message in caplog.messages)
    capfd.readouterr()
    library.compose(*SMALL, progress=True).train()
    shown = capfd.readouterr()
    assert shown.out == ""
    assert "penguins: " in shown.err


def test_no_secret_is_in_what_a_program_shows(project: Path, caplog: pytest.LogCaptureFixture) -> None:
    address = "tracking.uri='http://user:hunter2secret@127.0.0.1:9'"
    mine = library.compose(*SMALL, address, "tracking.wait_s=0")
    with caplog.at_level(logging.DEBUG, logger="housing"), pytest.raises(library.TrackingError) as refused:
        mine.train()
    assert "tracking.uri" in repr(mine)
    assert "tracking.uri holds credentials" in caplog.text
    for shown in (repr(mine), str(refused.value), caplog.text):
        assert "hunter2secret" not in shown


def test_a_result_shows_no_secret() -> None:
    remember_override("tracking.uri='http://user:hunter2secret@there'")
    address = "http://user:hunter2secret@there"
    table = OutputTable(address, ("where",), [(address,)])
    outcome = Outcome(address, {"uri": address}, tables=(table,), next_commands=((f"housing ui {address}", "why"),))
    result = result_of("train", outcome)
    assert "hunter2secret" not in repr(result) + result._repr_html_()
    assert "there" in result.headline


def test_another_experiment_is_made_of_more_overrides(project: Path) -> None:
    before = library.compose(*SMALL)
    after = before.override("algorithm.eta=0.05")
    assert after.config.algorithm.hyperparameters["eta"] == 0.05
    assert before.config.algorithm.hyperparameters["eta"] != 0.05
    assert repr(after).endswith("'algorithm.eta=0.05')")


def test_a_description_is_returned(project: Path) -> None:
    mine_rows().assign(price=[1.5, 2.5, 4.25]).to_csv(project / "mine.csv", index=False)
    text = library.describe(project / "mine.csv", label="price")
    assert "label: price" in text


def test_importing_it_imports_nothing_else() -> None:
    code = "import housing, sys, json; print(json.dumps([n for n in sys.modules if n.startswith('housing')]))"
    done = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True, timeout=120)
    assert json.loads(done.stdout) == ["housing"]


@pytest.mark.slow
def test_the_page_about_it_is_true(project: Path) -> None:
    page = (Path(__file__).parents[2] / "docs" / "python.md").read_text(encoding="utf-8")
    (shown,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    done = subprocess.run([sys.executable, "-c", shown], capture_output=True, text=True, check=False, timeout=280)
    assert done.returncode == 0, done.stderr
    assert "Gentoo" in done.stdout
    named = set(re.findall(r"`(?:housing)?\.(\w+)\(?", page)) - {"HousingError"}
    assert named <= {*dir(library), *dir(library.Experiment)}, named
    assert {name for name in vars(library.Experiment) if not name.startswith("_")} <= named
