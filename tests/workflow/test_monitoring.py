"""`housing monitor`: an endpoint with two variants that capture, asked rows as those of training and other ones."""

from __future__ import annotations

import csv
import gzip
import io
import json
import re
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import redirect_stdout
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from housing.cli.dispatch import main
from housing.data.channel import csv_text
from housing.targets.local.captures import captured as captures_in
from housing.targets.local.exchanges import Exchange
from housing.targets.local.host import LocalHost
from housing.targets.local.settings import Settings
from housing.training.predictor import Predictor
from tests.workflow.conftest import Answer, Housing, in_process
from tests.workflow.quick import quick
from tests.workflow.rehearsed import until

ENDPOINT = "housing-endpoint"
NO_GATE = "gate.against_champion=nothing"
CAPTURING = ("deployment=ab_test", "deployment.capture.percent=100")
Row = dict[str, str]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The champion behind the endpoint, and a challenger of three rounds."""
    folder = tmp_path_factory.mktemp("monitored")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        for name in ("MLFLOW_TRACKING_URI", "MLFLOW_RUN_ID", "MLFLOW_EXPERIMENT_ID"):
            patch.delenv(name, raising=False)
        assert main([*quick(["train"])]) == 0
        assert main(["promote"]) == 0
        with redirect_stdout(io.StringIO()) as out:
            assert main([*quick(["train", "algorithm.num_round=3", "--json"])]) == 0
        poorer = json.loads(out.getvalue())["run_id"]
        assert main(["promote", f"candidate={poorer}", "gate.alias=challenger", NO_GATE]) == 0
        assert main(["deploy", *CAPTURING]) == 0
    yield folder
    in_process("destroy", folder=folder)


@pytest.fixture
def housing(folder: Path, housing: Housing, monkeypatch: pytest.MonkeyPatch) -> Housing:
    """Commands in that folder; whatever earlier tests captured is gone."""
    monkeypatch.chdir(folder)
    for path in folder.glob(".housing/captures/*/*/*.records"):
        path.write_text("")
    return housing


@pytest.fixture(scope="module")
def trained(folder: Path) -> list[Row]:
    """The rows that the champion was trained on."""
    with (files("housing.data") / "ames.csv.gz").open("rb") as raw, gzip.open(raw, "rt") as text:
        return [row for row in csv.DictReader(text) if row["KaggleId"] not in ("", "NA")]


@pytest.fixture
def ask(folder: Path) -> Callable[..., None]:
    def ask(rows: Sequence[Row], variant: str) -> None:
        LocalHost(Settings(folder=str(folder / ".housing"))).predict(ENDPOINT, as_csv(rows), variant)

    return ask


def captured(folder: Path, *variants: str) -> Path:
    """The folder of captures, once these variants have some there: they are written after the answer."""
    captures = folder / ".housing" / "captures" / ENDPOINT
    until(lambda: all(any(file.stat().st_size for file in (captures / one).glob("*.records")) for one in variants))
    return captures


def as_csv(rows: Sequence[Row], columns: Sequence[str] = ()) -> str:
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, columns or list(rows[0]), extrasaction="ignore")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def variant_of(answer: Answer, name: str) -> Any:
    assert answer.code == 0, answer.err
    return answer.data["variants"][name]


def test_an_endpoint_that_nobody_asked_has_nothing_to_tell(housing: Housing) -> None:
    assert variant_of(housing("monitor", "--json"), "champion")["word"] == "nothing was captured"


def test_rows_like_those_of_training_show_no_drift(housing: Housing, ask: Any, trained: list[Row]) -> None:
    ask(trained[::3], "champion")
    answer = housing("monitor", "--json")
    found = variant_of(answer, "champion")
    assert (found["word"], found["captured_rows"], found["drifted"]) == ("no drift", len(trained[::3]), [])
    assert "SalePrice (predicted)" in {column["column"] for column in found["columns"]}
    assert variant_of(answer, "challenger")["word"] == "nothing was captured"


def test_drift_is_named_with_its_columns_and_is_no_failure(housing: Housing, ask: Any, trained: list[Row]) -> None:
    shifted = [row | {"GrLivArea": str(int(row["GrLivArea"]) * 2), "Alley": "Pave"} for row in trained[::4]]
    ask(shifted, "champion")
    ask(trained[1::4], "challenger")
    answer = housing("monitor")
    assert answer.code == 0
    assert re.search(r"champion: drift in \d+ of 80 columns; challenger: no drift", answer.out)
    assert re.search(r"GrLivArea .*distribution", answer.out)
    assert re.search(r"Alley .*distribution", answer.out)


def test_a_monitoring_is_a_run_with_distances_and_a_report(
    housing: Housing, ask: Any, trained: list[Row], folder: Path
) -> None:
    from mlflow import MlflowClient

    ask([row | {"LotArea": "900000"} for row in trained[:300]], "champion")
    answer = housing("monitor", "--json").data
    client = MlflowClient(f"sqlite:///{folder / 'mlflow.db'}")
    run = client.get_run(answer["run_id"])
    assert run.info.status == "FINISHED"
    assert run.data.tags["housing.kind"] == "monitoring"
    assert run.data.tags["housing.endpoint"] == ENDPOINT
    assert run.data.metrics["champion/psi/LotArea"] > 1
    assert run.data.metrics["champion/largest_psi"] == run.data.metrics["champion/psi/LotArea"]
    assert run.data.metrics["champion/captured_rows"] == 300
    paths = {file.path for file in client.list_artifacts(run.info.run_id, "figures")}
    assert {"figures/drift_champion.svg", "figures/distribution_champion_1.svg"} <= paths
    report = Path(client.download_artifacts(run.info.run_id, "report.html")).read_text()
    for told in (
        "drift in",
        "LotArea",
        "What housing-endpoint serves",
        "models:/housing/1 (@champion)",
        "95% interval",
    ):
        assert told in report
    assert "reference and current, 80 columns" in report
    assert "Where what housing-endpoint serves comes from" in report
    housing("status", "--html", "served.html")
    served = (folder / "served.html").read_text(encoding="utf-8")
    assert "models:/housing/2 (@challenger)" in served and "0.00%), no budget" in served


def test_labels_tell_how_far_each_variant_erred_and_who_is_better(
    housing: Housing, ask: Any, trained: list[Row], folder: Path
) -> None:
    ask(trained[:200], "champion")
    ask(trained[:200], "challenger")
    (folder / "sold.csv").write_text(as_csv(trained[:150], ("PID", "SalePrice")))
    answer = housing("monitor", "--labels", "sold.csv", "--json")
    errors = answer.data["errors"]
    assert errors["rows"] == {"champion": 150, "challenger": 150}
    host = LocalHost(Settings(folder=str(folder / ".housing")))
    expected = host.predict(ENDPOINT, as_csv(trained[:150]), "challenger").values
    mae = np.mean([abs(value - float(row["SalePrice"])) for value, row in zip(expected, trained[:150], strict=True)])
    found = errors["errors"]["challenger"]
    assert found["value"] == pytest.approx(mae)
    assert found["low"] < mae < found["high"]
    (difference,) = errors["differences"]
    assert (difference["variant"], difference["paired"], difference["rows"]) == ("challenger", True, 150)
    assert difference["better_by"]["high"] < 0
    shown = housing("monitor", "--labels", "sold.csv").out
    assert re.search(r"challenger: mae [\d,]+ USD worse than champion; 95% interval", shown)


def test_rows_that_came_encoded_are_known_by_their_raw_columns(
    housing: Housing, trained: list[Row], folder: Path
) -> None:
    host = LocalHost(Settings(folder=str(folder / ".housing")))
    bundles = json.loads((folder / ".housing" / "endpoints" / f"{ENDPOINT}.json").read_text())["bundles"]
    encoder = Predictor.load(folder / ".housing" / "bundles" / bundles["champion"]).encoder
    encoded = csv_text(encoder.transform(encoder.rows_from_csv(as_csv(trained[:300]))))
    values = host.predict(ENDPOINT, encoded, "champion").values
    (folder / "known.csv").write_text(as_csv(trained[:100]))
    answer = housing("monitor", "--labels", "known.csv", "--json")
    found = variant_of(answer, "champion")
    assert found["captured_rows"] == 300
    assert {"LotArea", "Street=Pave"} <= {column["column"] for column in found["columns"]}
    mae = np.mean([abs(v - float(row["SalePrice"])) for v, row in zip(values, trained[:100], strict=False)])
    assert answer.data["errors"]["errors"]["champion"]["value"] == pytest.approx(mae)
    assert answer.data["errors"]["rows"]["champion"] == 100


def test_labels_of_rows_that_nobody_asked_are_refused(
    housing: Housing, ask: Any, trained: list[Row], folder: Path
) -> None:
    ask(trained[:50], "champion")
    (folder / "others.csv").write_text(as_csv(trained[500:600], ("PID", "SalePrice")))
    answer = housing("monitor", "--labels", "others.csv")
    assert answer.code == 3
    assert "none of its rows was captured" in answer.err
    assert "PID" in answer.err


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("SalePrice\n1\n", "Order, PID, KaggleId"),
        ("PID\n1\n", "has no column SalePrice"),
        ("PID,SalePrice\n1,dear\n", "SalePrice of row 1 is no number: 'dear'"),
        ("PID,SalePrice\n", "no rows"),
    ],
)
def test_a_file_that_holds_no_labels_is_refused_with_the_reason(
    housing: Housing, folder: Path, content: str, told: str
) -> None:
    (folder / "wrong.csv").write_text(content)
    answer = housing("monitor", "--labels", "wrong.csv")
    assert answer.code == 3
    assert told in answer.err


def test_answers_of_another_model_are_left_out(housing: Housing, ask: Any, trained: list[Row], folder: Path) -> None:
    """What SageMaker captures does not say which model answered, and stays when an endpoint's models change."""
    ask(trained[:120], "champion")
    ask(trained[:200], "challenger")
    captures = captured(folder, "champion", "challenger")
    both = [one for name in ("champion", "challenger") for one in captures_in(captures.parent, ENDPOINT, [name])]
    kinds, later = ("text/csv", "application/json"), datetime(2126, 11, 23, tzinfo=UTC).timestamp()
    others = [Exchange(one.rows.encode(), one.answer.encode(), kinds, later, None) for one in both]
    latest = max((captures / "champion").glob("*.records"))
    latest.write_bytes(b"".join(piece for one in others for piece in one.pieces()))
    found = variant_of(housing("monitor", "--json"), "champion")
    assert found["captured_rows"] == 120
    assert found["remarks"] == ["200 of 320 answers were another model's, and are left out"]


def test_an_endpoint_that_serves_another_model_than_it_says_is_told(
    housing: Housing, ask: Any, trained: list[Row], folder: Path
) -> None:
    ask(trained[::4], "champion")
    ask(trained[::4], "challenger")
    captures = captured(folder, "champion", "challenger")
    kept = {name: max((captures / name).glob("*.records")) for name in ("champion", "challenger")}
    swapped = kept["challenger"].read_bytes().replace(b"models:/housing/2", b"models:/housing/1")
    kept["champion"].write_bytes(swapped)
    found = variant_of(housing("monitor", "--json"), "champion")
    assert "is what models:/housing/1 answers: the served model is another one" in found["remarks"][0]
    assert found["captured_rows"] == len(trained[::4])


def test_a_model_of_other_data_is_not_compared(housing: Housing, ask: Any, trained: list[Row]) -> None:
    ask(trained[:50], "champion")
    answer = housing("monitor", "dataset.columns.PID.kind=ignored", "--json")
    assert "was trained on other data" in variant_of(answer, "champion")["word"]


def test_a_model_of_another_split_is_not_compared(housing: Housing, ask: Any, trained: list[Row]) -> None:
    ask(trained[:50], "champion")
    answer = housing("monitor", "dataset.split.seed=1", "--json")
    assert "split in another way" in variant_of(answer, "champion")["word"]


def test_thresholds_are_configuration(housing: Housing, ask: Any, trained: list[Row]) -> None:
    ask([row | {"GrLivArea": str(int(row["GrLivArea"]) * 2)} for row in trained[:300]], "champion")
    assert variant_of(housing("monitor", "--json"), "champion")["drifted"]
    tolerant = housing("monitor", "monitoring.psi=100", "monitoring.out_of_range_share=1", "--json")
    assert variant_of(tolerant, "champion")["drifted"] == []


def test_only_what_came_since_the_weights_changed_counts_and_shares_are_held_against_those_declared(
    housing: Housing, ask: Any, trained: list[Row]
) -> None:
    for _ in range(60):
        ask(trained[:2], "challenger")
    before = housing("monitor", "--json", "--detailed-exitcode")
    assert before.code == 2
    assert before.data["sample_ratio"]["is_off"], "a tenth was declared, and nearly all was seen"
    found = before.data["variants"]["challenger"]
    assert found["share_declared"] == pytest.approx(0.1)
    assert found["share_seen"] > 0.5
    assert (found["captured_rows"], found["captured_requests"]) == (120, 60)
    assert found["requests"] >= 60, "requests, not rows"

    time.sleep(1.1)  # captured requests carry whole seconds
    assert housing("deploy", *CAPTURING, "deployment.variants.challenger.weight=0.9").code == 0
    after = housing("monitor", "--json", "--detailed-exitcode")
    assert after.code == 0, "nothing came yet"
    assert after.data["since"] > before.data["since"]
    for variant in after.data["variants"].values():
        assert (variant["requests"], variant["captured_requests"], variant["share_declared"]) == (0, 0, 0.5)
    for name in ("champion", "challenger"):
        ask(trained[::5], name)
    even = housing("monitor", "--detailed-exitcode")
    assert even.code == 0, even.out
    assert "2 requests are shared out as declared" in even.out
    assert re.search(r"what came before .* UTC", even.out)
    assert housing("deploy", *CAPTURING).code == 0


def test_drift_is_an_exit_code_for_those_who_ask(housing: Housing, ask: Any, trained: list[Row]) -> None:
    ask([row | {"LotArea": "900000"} for row in trained[:300]], "champion")
    assert housing("monitor").code == 0
    assert housing("monitor", "--detailed-exitcode").code == 2


def test_an_endpoint_that_captures_nothing_says_how_it_would(housing: Housing) -> None:
    assert housing("deploy", "deployment=ab_test").code == 0
    answer = housing("monitor")
    assert f"{ENDPOINT} captures nothing: housing deploy deployment.capture.percent=100" in answer.out
    assert housing("deploy", *CAPTURING).code == 0


def test_an_endpoint_that_does_not_exist_is_named_with_those_that_do(housing: Housing) -> None:
    answer = housing("monitor", "mansion")
    assert answer.code == 1
    assert f"there is no endpoint 'mansion'; endpoints here: {ENDPOINT}" in answer.err
