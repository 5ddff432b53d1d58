"""Intervals and explanations, from `promote` to the live endpoint, the record and MLflow's own model."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import numpy as np
import pandas
import pytest

from housing.tracking import schema
from housing.workflow.watching import next_look
from tests.workflow.conftest import Housing
from tests.workflow.test_classification import registered

MINE = ("--config-dir", "conf", "dataset=homes")


@pytest.fixture
def described(project: Path, housing: Housing) -> pandas.DataFrame:
    """Prices that depend on size and kind, and are less sure for houses."""
    generator = np.random.default_rng(3)
    rows = 1200
    kind, size = generator.choice(["flat", "house"], rows), generator.uniform(20, 200, rows).round(1)
    noise = generator.normal(0, np.where(kind == "house", 40, 8))
    price = (100 + 5 * size + 200 * (kind == "house") + noise).round(2)
    table = pandas.DataFrame({"id": [f"h{n}" for n in range(rows)], "kind": kind, "size": size, "price": price})
    table.to_csv(project / "homes.csv", index=False)
    folder = project / "conf" / "dataset"
    folder.mkdir(parents=True)
    (folder / "homes.yaml").write_text(housing("describe", "homes.csv", "--label", "price").out, encoding="utf-8")
    return table


@pytest.mark.slow
def test_a_model_says_how_sure_it_is_and_why(described: pandas.DataFrame, housing: Housing) -> None:
    assert housing("train", *MINE).code == 0
    promoted = housing("promote", *MINE, "intervals.coverage=0.9", "intervals.by=kind", "--json")
    assert promoted.code == 0, promoted.err
    assert "0.9, learnt from 240 rows of validation, each of 2 levels of kind by its own" in promoted.err
    assert 0.8 < promoted.data["metrics"]["test_interval_coverage"] <= 1
    model = registered("homes")

    assert housing("deploy", *MINE, "deployment.capture.percent=100").code == 0
    described.drop(columns="price").to_csv("rows.csv", index=False)
    plain = list(csv.DictReader(io.StringIO(housing("predict", "rows.csv", *MINE).out)))
    told = list(csv.DictReader(io.StringIO(housing("predict", "rows.csv", "--interval", "0.9", *MINE).out)))
    assert list(plain[0]) == ["price", "variant"]
    assert list(told[0]) == ["price", "low", "high", "variant"]
    assert [row["price"] for row in told] == [row["price"] for row in plain]
    low, high = (np.array([float(row[end]) for row in told]) for end in ("low", "high"))
    is_house = (described["kind"] == "house").to_numpy()
    assert (high - low)[is_house].min() > 2 * (high - low)[~is_house].max()

    described.head(5).drop(columns="price").to_csv("few.csv", index=False)
    document = housing("predict", "few.csv", "--explain", "1", "--interval", "0.8", *MINE, "--json").data
    for place, one in enumerate(document["predictions"]):
        why = one["explanation"]
        assert why["base"] + why["effects"][0]["effect"] + why["rest"] == pytest.approx(one["prediction"], rel=1e-5)
        assert why["effects"][0]["value"] == str(described[why["effects"][0]["column"]][place])
        assert one["interval"]["coverage"] == 0.8
    refused = housing("predict", "few.csv", "--interval", "0.9999", *MINE)
    assert refused.code == 3
    assert "needs more held-out rows than the 240" in refused.err

    frame = model.predict(described, params={"interval": 0.9, "explain": 2})
    assert list(frame.columns) == [
        *("prediction", "low", "high", "base", "column_1", "effect_1", "column_2", "effect_2", "other_effects")
    ]
    assert frame["low"].to_numpy() == pytest.approx(low, rel=1e-6)

    described.to_csv("labels.csv", index=False)
    watched = ("monitor", "--labels", "labels.csv", "--every", "1", "--html", "page.html", *MINE)
    quiet = housing(*watched, "--until", "1s", "--json")
    assert quiet.code == 0, quiet.err
    # A line a look; the second is left out where the first took longer than a second.
    assert quiet.err.count("champion: no drift") in (1, 2)
    held = quiet.data["variants"]["champion"]["intervals"]
    assert held["whole"]["rows"] == 1200
    assert held["whole"]["share"] > 0.9  # the rows of training are among them
    assert set(held["groups"]) == {"flat", "house"}
    assert 'http-equiv="refresh" content="1"' in Path("page.html").read_text(encoding="utf-8")
    found = housing(*watched, "--detailed-exitcode", "monitoring.p99_ms=0.001")
    assert found.code == 2
    assert "monitoring.p99_ms allows 0.001" in found.err

    again = housing("promote", *MINE, "gate.against_champion=nothing", "--json")
    assert again.code == 0, again.err
    assert again.data["is_new"]  # the same model without intervals is another version
    refused = housing("predict", "few.csv", "--interval", "0.9", *MINE, "deployment.endpoint=none")
    assert refused.code != 0


def test_the_version_and_the_report_say_how_often_intervals_hold(
    described: pandas.DataFrame, housing: Housing, project: Path
) -> None:
    assert housing("train", *MINE).code == 0
    assert housing("promote", *MINE, "intervals.coverage=0.9", "intervals.by=kind", "intervals.scaled=true").code == 0
    from housing.tracking.store import open_client

    client = open_client("sqlite:///mlflow.db")
    (version,) = client.search_model_versions("name='homes'")
    assert version.tags[schema.INTERVALS].startswith("0.9 asked, ")
    (report,) = project.glob(f"mlruns/**/{version.run_id}/**/report.html")
    text = report.read_text(encoding="utf-8")
    for expected in ("How often intervals hold", "kind = house", "What moves the predictions", "mae lost without it"):
        assert expected in text
    for expected in ("Slices: where it errs most", "Errors by column", "moved most by"):
        assert expected in text
    del described


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("intervals.coverage=1.5",), "coverage must lie in [0.5, 0.99], got 1.5"),
        (("intervals.coverage=0.9", "intervals.by=siz"), "must be a column with levels that the model reads: kind"),
        (("intervals.by=kind",), "needs intervals.coverage"),
        (("intervals.coverage=0.9", "intervals.by=size"), "must be a column with levels"),
    ],
)
def test_what_cannot_be_asked_is_told_before_anything_is_trained(
    described: pandas.DataFrame, housing: Housing, words: tuple[str, ...], why: str
) -> None:
    del described
    refused = housing("promote", *MINE, *words)
    assert refused.code == 3
    assert why in refused.err


@pytest.mark.parametrize(("passed_s", "next_s"), [(0.3, 2), (1.9, 2), (2.1, 4), (7.5, 8)])
def test_a_look_that_another_left_no_time_for_is_not_made_up_for(passed_s: float, next_s: float) -> None:
    assert next_look(passed_s, 2) == next_s
