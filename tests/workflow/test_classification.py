"""Labels with levels, from the first job to the live endpoint."""

from __future__ import annotations

import csv
import io
import json
import random
import re
from pathlib import Path

import numpy as np
import pandas
import pytest

from housing.targets.local.host import LocalHost
from housing.targets.local.settings import Settings
from housing.tracking import schema
from housing.tracking.registry import Registry
from housing.tracking.runs import Runs
from housing.tracking.store import open_client
from tests.workflow.conftest import Housing

LEVELS = ("no", 'yes, "sure"')
MINE = ("--config-dir", "conf", "dataset=churn")
QUICK = ("study.trials=2", "study.parallel=1")


def churn(rows: int = 400, seed: int = 5) -> pandas.DataFrame:
    """A label of two levels, one of them rare and awkward to write; missing values; an identifier."""
    generator = random.Random(seed)
    table = []
    for number in range(rows):
        months, calls = generator.randint(1, 60), generator.randint(0, 9)
        left = generator.random() < 1 / (1 + 2.718 ** (0.1 * months - 0.7 * calls + 1))
        plan = generator.choice(["basic", "plus", ""])
        table.append((f"c{number}", months, calls, plan, LEVELS[left]))
    return pandas.DataFrame(table, columns=["customer", "months", "calls", "plan", "churned"])


@pytest.fixture
def described(project: Path, housing: Housing) -> pandas.DataFrame:
    table = churn()
    table.to_csv(project / "churn.csv", index=False)
    answer = housing("describe", "churn.csv", "--label", "churned")
    folder = project / "conf" / "dataset"
    folder.mkdir(parents=True)
    (folder / "churn.yaml").write_text(answer.out, encoding="utf-8")
    assert "task: binary  # guess" in answer.out
    return table


def test_two_levels_go_from_a_description_to_an_endpoint(described: pandas.DataFrame, housing: Housing) -> None:
    done = housing("run", *MINE, *QUICK, "deployment.capture.percent=100", "--json")
    assert done.code == 0, done.err
    rarer = described["churned"].value_counts().idxmin()
    assert done.data["test"]["test_log_loss"] < naive_log_loss(described["churned"])
    assert done.data["test"]["test_auc"] > 0.7

    described.drop(columns="churned").to_csv("rows.csv", index=False)
    told = housing("predict", "rows.csv", *MINE)
    answers = list(csv.DictReader(io.StringIO(told.out)))
    assert list(answers[0]) == ["prediction", *(f"probability_{level}" for level in LEVELS), "variant"]
    chances = np.array([[float(row[f"probability_{level}"]) for level in LEVELS] for row in answers])
    assert chances.sum(axis=1) == pytest.approx(1)
    assert [row["prediction"] for row in answers] == [LEVELS[int(p >= 0.5)] for p in chances[:, 1]]
    assert rarer == LEVELS[1]
    document = housing("predict", "rows.csv", *MINE, "--json").data["predictions"][0]
    assert document["prediction"] == answers[0]["prediction"]
    assert document["probabilities"] == pytest.approx(dict(zip(LEVELS, chances[0], strict=True)))

    model = registered("churn")
    frame = model.predict(described)
    assert list(frame.columns) == ["prediction", *(f"probability_{level}" for level in LEVELS)]
    assert frame[frame.columns[1:]].to_numpy() == pytest.approx(chances, rel=1e-6)
    assert [column.name for column in model.metadata.signature.outputs] == list(frame.columns)

    described.to_csv("labels.csv", index=False)
    seen = housing("monitor", *MINE, "--labels", "labels.csv", "--json")
    assert seen.code == 0, seen.err
    (variant,) = seen.data["variants"].values()
    assert {"churned (predicted)", "churned (probability of the predicted level)"} <= {
        column["column"] for column in variant["columns"]
    }
    pictures = open_client("sqlite:///mlflow.db").list_artifacts(seen.data["run_id"], "figures")
    assert "figures/levels_champion.svg" in {item.path for item in pictures}
    assert seen.data["errors"]["metric"] == "log_loss"
    expected = -np.log(chances[np.arange(400), (described["churned"] == LEVELS[1]).astype(int)]).mean()
    assert seen.data["errors"]["errors"]["champion"]["value"] == pytest.approx(expected, rel=1e-4)


def test_the_final_fit_s_report_is_of_the_test_part(described: pandas.DataFrame, housing: Housing) -> None:
    trained = housing("train", *MINE, "--json").data["run_id"]
    assert housing("promote", *MINE, f"candidate={trained}").code == 0
    client = open_client("sqlite:///mlflow.db")
    (final,) = client.search_runs(
        [client.get_run(trained).info.experiment_id], f"tags.`{schema.SOURCE_RUN}` = '{trained}'"
    )
    for run_id, part in ((trained, "validation"), (final.info.run_id, "test")):
        charts = {Path(item.path).stem for item in client.list_artifacts(run_id, "figures")}
        assert {"class_balance", "confusion_matrix", "roc", "precision_recall", "calibration", "thresholds"} <= charts
        page = Path(client.download_artifacts(run_id, "report.html")).read_text(encoding="utf-8")
        assert f"The {part} part." in page
        value = client.get_run(run_id).data.metrics[f"{part}_log_loss"]
        assert f"{part}_log_loss {value:,.4g}, 95% interval " in page
        assert "The naive predictor, which ignores every column, has 0." in page
        assert "yes, &quot;sure&quot;" in page


def test_a_gate_may_ask_for_more_and_for_every_level(described: pandas.DataFrame, housing: Housing) -> None:
    assert housing("tune", *MINE, *QUICK, "study.objective=validation_auc", "algorithm.eval_metric=[auc]").code == 0
    refused = housing("promote", *MINE, "gate.metric=auc", "gate.at_least=0.999", "gate.worst_class={recall: 0.99}")
    assert refused.code == 4
    assert "test auc at least 0.999: it is 0." in refused.err
    assert "too little" in refused.err
    assert "test recall of the worst level at least 0.99: 'yes" in refused.err
    passed = housing("promote", *MINE, "gate.metric=auc", "gate.at_least=0.6")
    assert passed.code == 0, passed.err


def test_a_threshold_goes_with_the_model(described: pandas.DataFrame, housing: Housing) -> None:
    trained = housing("train", *MINE, "--json").data["run_id"]
    declared = housing("promote", *MINE, f"candidate={trained}", "threshold=0.2")
    assert declared.code == 0, declared.err
    frame = registered("churn").predict(described)
    chances = frame[f"probability_{LEVELS[1]}"]
    assert (frame["prediction"] == LEVELS[1]).tolist() == (chances >= 0.2).tolist()
    assert int(((chances >= 0.2) & (chances < 0.5)).sum()) > 0

    costly = "threshold={cost: {false_positive: 1, false_negative: 20}}"
    chosen = housing("promote", *MINE, f"candidate={trained}", costly, "gate.against_champion=nothing")
    assert chosen.code == 0, chosen.err
    assert "chosen on 80 rows of validation" in chosen.err
    threshold = float(re.findall(r"^threshold +([\d.e-]+), chosen", chosen.err, re.MULTILINE)[0])
    assert threshold < 0.3
    again = registered("churn").predict(described)
    assert (again["prediction"] == LEVELS[1]).sum() > (chances >= 0.5).sum()


@pytest.mark.slow
def test_a_calibration_goes_with_the_model_and_comes_before_the_threshold(
    described: pandas.DataFrame, housing: Housing
) -> None:
    trained = housing("train", *MINE, "algorithm.num_round=60", "--json").data["run_id"]
    no_gate = ("gate.against_champion=nothing", "gate.beats=null")  # of 80 rows, isotonic learns too little
    free = ("algorithm.num_round=60", f"candidate={trained}", *no_gate, "--json")
    plain = housing("promote", *MINE, *free)
    assert plain.code == 0, plain.err
    before = registered("churn").predict(described)[f"probability_{LEVELS[1]}"].to_numpy()
    first = plain.data["version"]
    curves = {}
    for method, more in (("isotonic", ("study.folds=4",)), ("sigmoid", ("threshold={maximise: f1}",))):
        told = housing("promote", *MINE, *free, f"calibration={method}", *more)
        assert told.code == 0, told.err
        assert told.data["version"] > first
        bundle = json.loads(newest_encoder().read_text(encoding="utf-8"))
        curves[method] = bundle["label"]["calibration"]["curves"]
        frame = registered("churn").predict(described)
        after = frame[f"probability_{LEVELS[1]}"].to_numpy()
        if method == "isotonic":
            assert "learnt from 320 rows of the final fit, out of 4 folds; isotonic follows chance" in told.err
            expected = np.interp(
                np.log(before / (1 - before)), curves[method][0]["log_odds"], curves[method][0]["probabilities"]
            )
        else:
            assert told.err.index("calibration") < told.err.index("threshold")
            slope, intercept = curves[method][0]["slope"], curves[method][0]["intercept"]
            expected = 1 / (1 + np.exp(-slope * np.log(before / (1 - before)) - intercept))
            threshold = bundle["label"]["threshold"]
            assert (frame["prediction"] == LEVELS[1]).tolist() == (after >= threshold).tolist()
        assert after == pytest.approx(expected, abs=1e-6)
        metrics = told.data["metrics"]
        assert metrics["test_brier"] != metrics["test_brier_uncalibrated"]
    client = open_client("sqlite:///mlflow.db")
    run_id = client.get_model_version("churn", str(told.data["version"])).run_id
    page = Path(client.download_artifacts(run_id, "report.html")).read_text(encoding="utf-8")
    assert "What calibration has changed" in page
    assert "calibrated by sigmoid" in page

    assert housing("deploy", *MINE).code == 0
    described.drop(columns="churned").to_csv("rows.csv", index=False)
    served = list(csv.DictReader(io.StringIO(housing("predict", "rows.csv", *MINE).out)))
    column = f"probability_{LEVELS[1]}"
    assert np.array([float(row[column]) for row in served]) == pytest.approx(frame[column].to_numpy(), abs=1e-6)
    assert [row["prediction"] for row in served] == frame["prediction"].tolist()


@pytest.mark.slow
def test_a_worse_classifier_is_refused_and_once_forced_through_is_found_out(
    described: pandas.DataFrame, housing: Housing
) -> None:
    good = housing("train", *MINE, "algorithm.num_round=25", "algorithm.eta=0.1", "--json").data["run_id"]
    assert housing("promote", *MINE, f"candidate={good}").code == 0
    poor = housing("train", *MINE, "algorithm.num_round=2", "algorithm.eta=0.05", "--json").data["run_id"]
    refused = housing("promote", *MINE, f"candidate={poor}")
    assert refused.code == 4
    assert re.search(r"log_loss.* worse", refused.err), refused.err
    forced = ("gate.alias=challenger", "gate.against_champion=nothing")
    assert housing("promote", *MINE, f"candidate={poor}", *forced).code == 0
    canary = ("deployment=ab_test", "deployment.capture.percent=100")
    assert housing("deploy", *MINE, *canary).code == 0

    asked = churn(2000, seed=6)
    host = LocalHost(Settings(folder=".housing"))
    header, *lines = asked.drop(columns="churned").to_csv(index=False).splitlines()
    for line in lines:
        host.predict("churn-endpoint", f"{header}\n{line}\n")
    asked.to_csv("labels.csv", index=False)
    told = housing("monitor", *MINE, *canary, "--labels", "labels.csv", "--json")
    assert told.code == 0, told.err
    (difference,) = told.data["errors"]["differences"]
    assert difference["variant"] == "challenger"
    assert difference["better_by"]["high"] < 0
    assert difference["rows"] == 2000
    for variant in told.data["variants"].values():
        assert list(variant["levels"]) == list(LEVELS)
        assert sum(shares["seen"] for shares in variant["levels"].values()) == pytest.approx(1)
    shown = housing("monitor", *MINE, *canary, "--labels", "labels.csv").out
    assert re.search(
        r"challenger: log_loss [\d.]+ worse than champion; 95% interval -[\d.]+ to -[\d.]+, 2,000 rows", shown
    )
    assert re.search(r"no +[\d.]+% +[\d.]+%", shown)

    asked.assign(churned="maybe").to_csv("unseen.csv", index=False)
    unseen = housing("monitor", *MINE, *canary, "--labels", "unseen.csv")
    assert unseen.code == 3
    assert "churned of row 1 is 'maybe'; its levels are 'no', 'yes" in unseen.err


def test_a_study_looks_for_what_only_the_finished_model_has(described: pandas.DataFrame, housing: Housing) -> None:
    told = housing("tune", *MINE, *QUICK, "study.objective=[validation_f1,validation_log_loss]", "--json")
    assert told.code == 0, told.err
    assert 0 < told.data["best"]["validation_f1"] <= 1
    pruned = housing("tune", *MINE, *QUICK, "study.objective=validation_f1", "study.pruner=median")
    assert pruned.code == 3
    assert "pruner median looks at every round" in pruned.err


def test_the_shipped_example_has_several_levels(project: Path, housing: Housing) -> None:
    done = housing("run", "dataset=penguins", *QUICK, "--json")
    assert done.code == 0, done.err
    assert done.data["test"]["test_accuracy"] > 0.9
    assert {row["predicted"] for row in done.data["predictions"]} <= {"Adelie", "Chinstrap", "Gentoo"}
    # The table is sorted by species, and the rows that are shown are spread over it.
    assert len({row["true"] for row in done.data["predictions"]}) == 3
    encoder = json.loads(next(project.rglob("encoder.json")).read_text(encoding="utf-8"))
    assert encoder["label"]["levels"] == ["Adelie", "Chinstrap", "Gentoo"]


@pytest.mark.parametrize(
    ("mistake", "words"),
    [
        ("algorithm.objective=reg:squarederror", "of task binary, xgboost minimises binary:logistic"),
        ("algorithm.objective=multi:softprob", "or ask dataset.task=multiclass"),
        ("algorithm.eval_metric=[mlogloss]", "of task binary, xgboost measures auc, aucpr, error, logloss"),
        ("algorithm.num_class=2", "belongs to task multiclass"),
        ("dataset.task=binry", "did you mean 'binary'?"),
        ("dataset.task=regression", "regression needs a label that is a number, and 'churned' is nominal"),
        ("dataset.task=multiclass", "multiclass needs a label with 3 to 500 levels, and 'churned' has 2"),
        ("dataset.positive=noo", "did you mean 'no'?"),
        ("features.label_transform=log", "a label of task binary is not transformed"),
        ("threshold=1.5", "is a probability: it must lie in [0, 1]"),
        ("threshold={maximise: auc}", "maximise must be one of accuracy"),
        ("calibration=isotonc", "did you mean isotonic?"),
        ("threshold={}", "give maximise, such as f1, or cost"),
        ("gate.metric=acuracy", "did you mean accuracy?"),
        ("gate.metric=mae", "the metrics of task binary"),
        ("study.objective=validation_f1_macro", "must be one of"),
        ("study.objective=validation_mae", "must be one of"),
        ("gate.worst_class={acc: 0.5}", "must be one of recall, precision, f1"),
    ],
)
def test_what_does_not_fit_the_task_is_named_with_what_does(
    described: pandas.DataFrame, housing: Housing, mistake: str, words: str
) -> None:
    told = housing("tune", *MINE, mistake)
    assert told.code == 3
    assert words in " ".join(told.err.split())


def newest_encoder() -> Path:
    """The encoder of the model that was registered last."""
    return max(Path.cwd().rglob("bundle/encoder.json"), key=lambda file: file.stat().st_mtime)


def naive_log_loss(label: pandas.Series) -> float:
    shares = label.value_counts(normalize=True)
    return float(-(shares * np.log(shares)).sum())


def registered(name: str):  # type: ignore[no-untyped-def]
    """The champion as MLflow loads it; MLflow's own address of the record stays as it is for other tests."""
    import mlflow

    client = Runs.open(f"sqlite:///{Path.cwd() / 'mlflow.db'}", name).client
    champion = Registry(client).find(name, alias="champion")
    assert champion is not None
    return mlflow.pyfunc.load_model(champion.source)
