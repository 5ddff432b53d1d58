"""Models made of others, bags and blends: chosen and fitted as declared, and one answer wherever they are served."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

import boto3
import numpy as np
import pandas
import pytest

from housing.algorithms.ensemble import unpack
from housing.data.encoder import Encoder
from housing.rehearsal.process import Address, ensure, stop
from housing.rehearsal.settings import Settings
from housing.tracking import schema
from housing.tracking.reader import Run
from housing.tracking.runs import Runs
from tests.rehearsal.conftest import give_known_keys
from tests.workflow.conftest import Answer, called

BIRDS = ("dataset=penguins", "algorithm.subsample=0.7")
LEVELS = ("Adelie", "Chinstrap", "Gentoo")
CHANCES = [f"probability_{level}" for level in LEVELS]
RANKS = "name: ranks\nordinal: rank\n"
BLEND = (
    *("--config-dir", "conf", "study=random", "study.trials=6", "study.configured_first=false", "study.blend=3"),
    "search_space.features={type: categorical, choices: [plain, ranks]}",
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """One project for all tests of the module."""
    path = tmp_path_factory.mktemp("project")
    with pytest.MonkeyPatch.context() as patch:
        for name in ("MLFLOW_TRACKING_URI", "MLFLOW_RUN_ID", "MLFLOW_EXPERIMENT_ID"):
            patch.delenv(name, raising=False)
        penguins().drop(columns="species").to_csv(path / "birds.csv", index=False)
        (path / "conf" / "features").mkdir(parents=True)
        (path / "conf" / "features" / "ranks.yaml").write_text(RANKS, encoding="utf-8")
        yield path
        for name in ("penguins", "housing"):
            called("destroy", f"deployment.endpoint={name}-endpoint", folder=path)


@pytest.fixture(scope="module")
def there(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Address, tuple[str, ...]]]:
    """A rehearsal, and the words that serve there."""
    state = str(tmp_path_factory.mktemp("rehearsal"))
    give_known_keys(Path(state))
    yield ensure(Settings(folder=state, idle_s=120)), ("target@host=rehearsal", f"rehearsal.folder={state}")
    stop(state)


def penguins() -> pandas.DataFrame:
    return pandas.read_csv(str(files("housing.data") / "penguins.csv.gz"), keep_default_na=False)


def done(folder: Path, *words: str) -> Answer:
    answer = called(*words, folder=folder)
    assert answer.code == 0, answer.err
    return answer


def runs_of(folder: Path, experiment: str) -> Runs:
    return Runs.open(f"sqlite:///{folder}/mlflow.db", experiment)


def registered(folder: Path, name: str) -> tuple[Any, Path]:
    """The latest version as MLflow loads it, and the folder of its bundle."""
    import mlflow

    source = max(folder.rglob("MLmodel"), key=lambda file: file.stat().st_mtime).parent
    assert (source / "data" / "bundle" / "bundle.json").is_file(), name
    return mlflow.pyfunc.load_model(str(source)), source / "data" / "bundle"


def asked(folder: Path, rows: str, columns: list[str], *words: str) -> np.ndarray:
    told = csv.DictReader(io.StringIO(done(folder, "predict", rows, *words).out))
    return np.array([[float(row[name]) for name in columns] for row in told])


@pytest.fixture(scope="module")
def bag(folder: Path) -> tuple[str, list[Run]]:
    """The id of the run of a bag of three, and its members."""
    trained = done(folder, "train", *BIRDS, "algorithm.bag=3", "algorithm.bag_over=folds", "--json")
    run_id = trained.data["run_id"]
    return run_id, runs_of(folder, "penguins").children(run_id)


def test_a_bag_is_one_run_with_a_child_a_member_and_one_model(folder: Path, bag: tuple[str, list[Run]]) -> None:
    run_id, members = bag
    runs = runs_of(folder, "penguins")
    whole = runs.get(run_id)
    assert whole.tags[schema.BAG] == "3 folds"
    assert [member.kind for member in members] == ["member"] * 3
    assert {line["weight"] for line in json.loads(whole.tags[schema.MEMBERS])} == {1 / 3}
    models = [member.model for member in unpack(runs.read_file(run_id, "model.zip"))]
    assert sorted(models) == sorted(runs.read_file(member.id, "model.ubj") for member in members)
    assert len(set(models)) == 3, "each left out other rows"
    assert whole.metrics["validation_log_loss"] < max(member.metrics["validation_log_loss"] for member in members)
    assert runs.best("validation_log_loss", "minimize") == whole, "members do not compete with it"


def test_members_that_nothing_tells_apart_are_told_of(folder: Path) -> None:
    sure = ("algorithm.subsample=1", "algorithm.bag=2")
    assert "all 2 members are the same model" in " ".join(done(folder, "train", *BIRDS, *sure).err.split())


@pytest.mark.slow
def test_a_bag_answers_alike_everywhere_and_in_the_built_in_container(
    folder: Path, bag: tuple[str, list[Run]], there: tuple[Address, tuple[str, ...]]
) -> None:
    bagged = (*BIRDS, "algorithm.bag=3")
    done(folder, "promote", *bagged, f"candidate={bag[0]}", "calibration=sigmoid")
    model, bundle = registered(folder, "penguins")
    expected = model.predict(penguins())[CHANCES].to_numpy()
    done(folder, "deploy", *bagged)
    assert np.array_equal(asked(folder, "birds.csv", CHANCES, *bagged), expected)

    address, words = there
    for interface in ("raw", "encoded"):
        served = (*bagged, *words, f"deployment.interface={interface}", f"deployment.endpoint={interface}")
        done(folder, "deploy", *served)
        assert asked(folder, "birds.csv", CHANCES, *served) == pytest.approx(expected, abs=1e-7)
    keys = {"aws_access_key_id": "rehearsal", "aws_secret_access_key": "rehearsal"}
    client = boto3.client("sagemaker-runtime", endpoint_url=address.url, region_name=address.region, **keys)
    encoder = Encoder.from_json((bundle / "encoder.json").read_text(encoding="utf-8"))
    matrix = encoder.transform(penguins())
    body = "\n".join(",".join("" if np.isnan(cell) else repr(float(cell)) for cell in row) for row in matrix)
    told = client.invoke_endpoint(EndpointName="encoded", ContentType="text/csv", Body=body)["Body"].read().decode()
    container = np.array([line.strip("[]").split(",") for line in told.split()], float)
    assert encoder.decode(container).probabilities == pytest.approx(expected, abs=1e-7)
    for interface in ("raw", "encoded"):
        done(folder, "destroy", *bagged, *words, f"deployment.endpoint={interface}")


@pytest.fixture(scope="module")
def blend(folder: Path) -> Any:
    """What `tune` said of a study over two encodings, of which three trials answer together."""
    return done(folder, "tune", *BLEND, "--json").data


@pytest.mark.slow
def test_a_blend_competes_with_the_trials_that_it_consists_of(folder: Path, blend: Any) -> None:
    runs = runs_of(folder, "housing")
    children = runs.children(blend["run_id"])
    (best,) = [child for child in children if schema.BLEND in child.tags]
    assert blend["best"]["run_id"] == best.id
    trials = {child.id: child for child in children if child is not best}
    assert best.metrics["validation_mae"] < min(trial.metrics["validation_mae"] for trial in trials.values())
    parts = json.loads(best.tags[schema.BLEND])
    assert 2 <= len(parts) <= 3
    assert sum(part["weight"] for part in parts) == pytest.approx(1)
    assert {part["run"] for part in parts} <= trials.keys()
    assert {trials[part["run"]].params["features"] for part in parts} == {"plain", "ranks"}, "two encoders in one"
    page = runs.read_file(best.id, "report.html").decode()
    assert all(part["name"] in page for part in parts)
    compared = done(folder, "compare", "--json")
    assert "blend" in json.dumps(compared.data)
    resumed = done(folder, "tune", *BLEND, "study.trials=7", f"study.resume={blend['name']}", "--json")
    assert resumed.data["trials"] == 7, "the blend is no trial"


@pytest.mark.slow
def test_a_blend_is_promoted_and_answers_alike_everywhere(
    folder: Path, blend: Any, there: tuple[Address, tuple[str, ...]]
) -> None:
    promoted = done(folder, "promote", *BLEND[:2], f"candidate={blend['best']['run_id']}", "--json")
    model, bundle = registered(folder, "housing")
    runs = runs_of(folder, "housing")
    (final,) = [run for run in runs.with_tag(schema.BLEND) if run.kind == "final"]
    assert [child.kind for child in runs.children(final.id)] == ["member"] * len(json.loads(final.tags[schema.BLEND]))
    table = pandas.read_csv(str(files("housing.data") / "ames.csv.gz"), keep_default_na=False).head(40)
    table.to_csv(folder / "houses.csv", index=False)
    expected = model.predict(table)
    members = unpack((bundle / "model.zip").read_bytes())
    assert {len(member.columns or ()) for member in members} - {0}, "a member reads its own columns"
    done(folder, "deploy")
    column = ["SalePrice"] if "SalePrice" in done(folder, "predict", "houses.csv").out else ["prediction"]
    assert asked(folder, "houses.csv", column)[:, 0] == pytest.approx(expected, rel=1e-12)

    _, words = there
    done(folder, "deploy", *words)
    assert asked(folder, "houses.csv", column, *words)[:, 0] == pytest.approx(expected, rel=1e-12)
    refused = called("deploy", *words, "deployment.interface=encoded", "deployment.endpoint=other", folder=folder)
    assert refused.code != 0
    assert "members of this blend differ" in " ".join(refused.err.split())
    assert "deployment.interface=raw" in refused.err
    done(folder, "destroy", *words)
    traced = done(folder, "lineage", "housing-endpoint", "--json").data["variants"][0]["links"]
    assert any(link["what"] == "members" and "final from t" in link["value"] for link in traced)
    assert promoted.data["is_new"]


@pytest.mark.slow
def test_out_of_fold_answers_choose_a_blend_too(folder: Path) -> None:
    asked_for = ("study.folds=3", "study.trials=4", "study.blend=2", "name=folds", "study.configured_first=false")
    tuned = done(folder, "tune", *asked_for, "--json").data
    runs = runs_of(folder, "folds")
    (best,) = [child for child in runs.children(tuned["run_id"]) if schema.BLEND in child.tags]
    others = [child for child in runs.children(tuned["run_id"]) if child.id != best.id]
    assert best.metrics["validation_mae"] < min(other.metrics["validation_mae"] for other in others)
    done(folder, "promote", "name=folds")
    (final,) = [run for run in runs.with_tag(schema.BLEND) if run.kind == "final"]
    assert len(unpack(runs.read_file(final.id, "model.zip"))) == 2


@pytest.mark.parametrize(
    ("words", "rule"),
    [
        (("algorithm.bag=0",), "algorithm.bag = 0 (command line) must be a whole number, 1 or more"),
        (("algorithm.bag_over=folds",), "set algorithm.bag=5, too"),
        (("algorithm.bag=2", "algorithm.bag_over=rows"), "must be one of folds, seeds"),
        (("study.blend=1",), "study.blend (command line) must be 2 or more"),
        (("study.blend=3", "study.objective=train_mae"), "let study.objective be one of validation_mae"),
    ],
)
def test_what_makes_no_sense_is_refused_before_a_run(words: tuple[str, ...], rule: str, tmp_path: Path) -> None:
    refused = called("tune", *words, folder=tmp_path)
    assert refused.code == 3
    assert rule in " ".join(refused.err.split())
    assert not (tmp_path / "mlflow.db").exists()
