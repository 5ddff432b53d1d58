"""One classifier on every target: the same metrics, the same probabilities, whoever asks and however it is served."""

from __future__ import annotations

import asyncio
import contextlib
import csv
import io
import json
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

import boto3
import httpx
import numpy as np
import pandas
import pytest

from housing.cli.dispatch import main
from housing.data.encoder import Encoder
from housing.rehearsal.process import Address, ensure, stop
from housing.rehearsal.settings import Settings
from tests.rehearsal.conftest import give_known_keys
from tests.workflow.conftest import Answer

pytestmark = pytest.mark.slow

SMALL = ("dataset=penguins", "algorithm.num_round=30")
LEVELS = ("Adelie", "Chinstrap", "Gentoo")
CHANCES = [f"probability_{level}" for level in LEVELS]


def run(*words: str) -> Answer:
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = main([words[0], *SMALL, *words[1:]])
    return Answer(code, out.getvalue(), err.getvalue())


def done(*words: str) -> Answer:
    answer = run(*words)
    assert answer.code == 0, answer.err
    return answer


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Where a calibrated champion is registered, and the rows that it is asked about stand in a file."""
    path = tmp_path_factory.mktemp("project")
    with pytest.MonkeyPatch.context() as outside, contextlib.chdir(path):
        for name in ("MLFLOW_TRACKING_URI", "MLFLOW_RUN_ID", "MLFLOW_EXPERIMENT_ID"):
            outside.delenv(name, raising=False)
        done("train")
        done("promote", "calibration=sigmoid", "intervals.coverage=0.9")
        penguins().drop(columns="species").to_csv("rows.csv", index=False)
        yield path
        run("destroy")


@pytest.fixture(scope="module")
def rehearsal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Address]]:
    """Its folder and its address."""
    state = str(tmp_path_factory.mktemp("rehearsal"))
    give_known_keys(Path(state))
    yield state, ensure(Settings(folder=state, idle_s=120))
    stop(state)


def penguins() -> pandas.DataFrame:
    return pandas.read_csv(str(files("housing.data") / "penguins.csv.gz"), keep_default_na=False)


def registered() -> Any:
    import mlflow

    return mlflow.pyfunc.load_model(str(newest_model()))


def newest_model() -> Path:
    return max(Path.cwd().rglob("MLmodel"), key=lambda file: file.stat().st_mtime).parent


def asked(*words: str) -> np.ndarray:
    """Probabilities, as `housing predict` prints them."""
    rows = csv.DictReader(io.StringIO(done("predict", "rows.csv", *words).out))
    return np.array([[float(row[name]) for name in CHANCES] for row in rows])


def test_metrics_do_not_depend_on_where_a_job_has_trained(folder: Path, rehearsal: tuple[str, Address]) -> None:
    there = ("target@runner=rehearsal", f"rehearsal.folder={rehearsal[0]}")
    here = done("train", "--json").data["metrics"]
    for target in (("target@runner=ray", "runner.cpus=1"), there):
        assert done("train", "--json", *target).data["metrics"] == pytest.approx(here, rel=1e-6)


def test_probabilities_do_not_depend_on_who_is_asked(folder: Path, rehearsal: tuple[str, Address]) -> None:
    state, address = rehearsal
    frame = registered().predict(penguins())
    expected = frame[CHANCES].to_numpy()
    done("deploy")
    assert asked() == pytest.approx(expected, abs=1e-6)
    there = ("target@host=rehearsal", f"rehearsal.folder={state}")
    keys = {"aws_access_key_id": "rehearsal", "aws_secret_access_key": "rehearsal"}
    client = boto3.client("sagemaker-runtime", endpoint_url=address.url, region_name=address.region, **keys)
    (file,) = folder.rglob("bundle/encoder.json")
    encoder = Encoder.from_json(file.read_text(encoding="utf-8"))
    matrix = encoder.transform(penguins())

    done("deploy", *there, "deployment.interface=raw", "deployment.endpoint=raw")
    assert asked(*there, "deployment.interface=raw", "deployment.endpoint=raw") == pytest.approx(expected, abs=1e-6)
    objects = boto3.client("s3", endpoint_url=address.url, region_name=address.region, **keys)
    objects.create_bucket(Bucket="rows-of-penguins")
    objects.upload_file("rows.csv", "rows-of-penguins", "rows.csv")
    batch = ("predict", "--batch", "s3://rows-of-penguins/rows.csv", "--json")
    answered = done(*batch, *there, "deployment.interface=raw", "deployment.endpoint=raw").data
    bucket, _, key = answered["location"].removeprefix("s3://").partition("/")
    written = pandas.read_csv(io.BytesIO(objects.get_object(Bucket=bucket, Key=key)["Body"].read()))
    assert written["prediction"].tolist() == frame["prediction"].tolist()
    assert written[CHANCES].to_numpy() == pytest.approx(expected, abs=1e-6)
    raw = {"EndpointName": "raw", "ContentType": "text/csv", "Body": Path("rows.csv").read_bytes()}
    lines = list(csv.reader(io.StringIO(client.invoke_endpoint(**raw, Accept="text/csv")["Body"].read().decode())))
    assert [level for level, *_ in lines] == frame["prediction"].tolist()
    assert np.array([chances for _, *chances in lines], float) == pytest.approx(expected, abs=1e-6)
    document = json.loads(client.invoke_endpoint(**raw, Accept="application/json")["Body"].read())["predictions"]
    assert [list(one["probabilities"].values()) for one in document] == pytest.approx(expected, abs=1e-6)

    # Which levels it may be, asked by boto3 as a field of the body: as the registered model says.
    some = json.loads(penguins().drop(columns="species").head(80).to_json(orient="records"))
    asks = {"EndpointName": "raw", "ContentType": "application/json", "Accept": "application/json"}
    body = json.dumps({"instances": some, "interval": 0.9})
    told = json.loads(client.invoke_endpoint(**asks, Body=body)["Body"].read())["predictions"]
    sets = registered().predict(penguins().head(80), params={"interval": 0.9})["levels"].tolist()
    assert ["|".join(one["interval"]["levels"]) for one in told] == sets
    with pytest.raises(client.exceptions.ModelError, match=r"did you mean interval\?"):
        client.invoke_endpoint(**asks, Body=json.dumps({"instances": some, "intervall": 0.9}))

    done("deploy", *there, "deployment.interface=encoded", "deployment.endpoint=encoded")
    assert asked(*there, "deployment.interface=encoded", "deployment.endpoint=encoded") == pytest.approx(
        expected, abs=1e-6
    )
    body = "\n".join(",".join("" if np.isnan(cell) else repr(float(cell)) for cell in row) for row in matrix)
    told = client.invoke_endpoint(EndpointName="encoded", ContentType="text/csv", Body=body)["Body"].read().decode()
    # The container's own numbers, before the calibration that goes with the model.
    container = np.array([line.strip("[]").split(",") for line in told.split()], float)
    assert encoder.decode(container).probabilities == pytest.approx(expected, abs=1e-6)
    assert np.abs(container - expected).max() > 1e-3
    done("destroy", *there, "deployment.endpoint=raw")
    done("destroy", *there, "deployment.endpoint=encoded")


@pytest.mark.filterwarnings("ignore")  # of MLflow's evaluators about their own calls
def test_mlflow_serves_and_evaluates_the_registered_model(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import mlflow
    from mlflow.pyfunc.scoring_server import init

    model, table = registered(), penguins()
    expected = model.predict(table.head(5))
    rows = table.drop(columns="species").head(5)
    as_json = {"dataframe_split": json.loads(rows.to_json(orient="split"))}
    as_csv = {"content": rows.to_csv(index=False), "headers": {"Content-Type": "text/csv"}}

    async def posted(**request: Any) -> httpx.Response:
        transport = httpx.ASGITransport(init(model))
        async with httpx.AsyncClient(transport=transport, base_url="http://here") as client:
            return await client.post("/invocations", **request)

    for answer in (asyncio.run(posted(json=as_json)), asyncio.run(posted(**as_csv))):
        assert answer.status_code == 200, answer.text
        assert pandas.DataFrame(answer.json()["predictions"]).equals(expected)
    # Not by set_tracking_uri, which writes it into the environment of all tests that follow.
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{folder / 'mlflow.db'}")
    asked = {"targets": "species", "model_type": "classifier"}
    quick = {"log_explainer": False, "log_model_explainability": False}
    uri, column = newest_model().as_uri(), {"column": "prediction"}
    evaluated = mlflow.models.evaluate(uri, table, model_config=column, evaluator_config=quick, **asked)
    right = float((model.predict(table)["prediction"] == table["species"]).mean())
    assert evaluated.metrics["accuracy_score"] == pytest.approx(right)
