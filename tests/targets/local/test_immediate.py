"""A few rows are answered by the server itself, and nobody can tell but by the time."""

from __future__ import annotations

import json
import os
import signal
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import httpx
import pytest

from housing.deployment.spec import Capture, Deployment, Variant
from housing.targets.local.answering import answer
from housing.targets.local.frames import KINDS
from housing.targets.local.host import LocalHost
from housing.targets.local.large_requests import PART_BYTES
from housing.testing.host import GOOD, OTHER, deploy
from housing.testing.models import price_bundle
from housing.training.artifact import Bundle, write_bundle
from housing.training.predictor import Predictor

RAW = "Zone,Area,Alley\nRL,900,\nRM,2000,Pave\n"
RECORDS = [{"Area": 900, "Alley": None, "Zone": "RL"}, {"Area": 2000, "Alley": "Pave", "Zone": "RM"}]
BODIES = {
    "text/csv": [RAW, RAW.replace("\n", "\r\n"), "900,0,0,1,1,0\n2000.5,0,1,0,,1\n"],
    "application/json": [json.dumps({"instances": RECORDS}), json.dumps(RECORDS)],
    "application/jsonlines": ["\n".join(map(json.dumps, RECORDS))],
}
ONE = Deployment("house", {"champion": Variant(GOOD)}, capture=Capture(100))


def test_answers_are_those_of_the_model_in_every_form_though_no_instance_lives(
    host: LocalHost, folder: Path, models: Mapping[str, Path]
) -> None:
    deploy(host, ONE, models)
    predictor = Predictor.load(models[GOOD])
    shown = _shown(host)
    assert shown["compiled"] == {"champion": ""}
    # An instance that is stopped answers nothing: whatever is answered now is answered by the server.
    for pid in shown["pids"]["champion"]:
        os.kill(pid, signal.SIGSTOP)
    asked = 0
    with httpx.Client(timeout=60) as client:
        for (content_type, accept), kind in KINDS.items():
            for body in BODIES[content_type]:
                answered = client.post(
                    _url(host), content=body, headers={"Content-Type": content_type, "Accept": accept}
                )
                assert answered.content == answer(predictor, kind, body.encode())[1]
                assert answered.headers["x-amzn-invoked-production-variant"] == "champion"
                asked += 1
    for pid in shown["pids"]["champion"]:
        os.kill(pid, signal.SIGCONT)
    status = host.status("house")
    assert status is not None
    assert status.invocations == {"champion": asked}
    assert len(host.captured("house")) == asked


def test_a_model_without_a_compiled_form_says_so_and_gets_its_share(host: LocalHost, tmp_path: Path) -> None:
    """A loss without a form is answered by its instance, one of XGBoost by the server; weights hold all the same."""
    models = {GOOD: tmp_path / "trees", OTHER: tmp_path / "catboost"}
    write_bundle(models[GOOD], price_bundle())
    write_bundle(models[OTHER], _catboost())
    deploy(host, Deployment("house", {"trees": Variant(GOOD), "catboost": Variant(OTHER)}), models)
    status = host.status("house")
    assert status is not None
    assert set(status.slow) == {"catboost"}
    assert status.slow["catboost"] == "catboost has loss LogCosh"
    with httpx.Client(timeout=60) as client:
        variants = Counter(
            client.post(_url(host), content=RAW, headers={"Content-Type": "text/csv"}).headers[
                "x-amzn-invoked-production-variant"
            ]
            for _ in range(400)
        )
    # Six standard deviations.
    assert variants["catboost"] == pytest.approx(200, abs=60)


def test_tables_are_kept_beside_the_model_and_made_anew_when_they_are_damaged(
    host: LocalHost, folder: Path, models: Mapping[str, Path]
) -> None:
    deploy(host, ONE, models)
    (kept,) = (folder / "compiled").iterdir()
    assert kept.name.partition(".")[0] == _shown(host)["models"]["champion"]["digest"]
    kept.write_bytes(b"no tables")
    pid = int(json.loads((folder / "server.json").read_text())["pid"])
    os.kill(pid, signal.SIGKILL)
    assert _shown(host)["compiled"] == {"champion": ""}
    assert kept.read_bytes() != b"no tables"


def test_rows_without_end_go_to_an_instance_and_are_answered_alike(host: LocalHost, models: Mapping[str, Path]) -> None:
    """Also where they are so many that the request is cut, and where a row in the last part is refused."""
    deploy(host, ONE, models)
    header, row, _ = (f"{line},{'a column that is passed over ' * 4}" for line in RAW.splitlines())
    bodies = ["\n".join([header, *[row] * count]) for count in (1, 5000, 40_000)]
    with httpx.Client(timeout=60) as client:
        one, many, most, refused = (
            client.post(_url(host), content=body, headers={"Content-Type": "text/csv"})
            for body in [*bodies, f"{bodies[-1]}\nRL,large,Pave,\n"]
        )
    assert len(bodies[-1]) > 2 * PART_BYTES
    assert many.text == one.text * 5000
    assert most.text == one.text * 40_000
    assert refused.status_code == 424
    assert "row 40001" in refused.json()["OriginalMessage"]
    status = host.status("house")
    assert status is not None
    assert (status.invocations, status.failures) == ({"champion": 4}, {"champion": 1})


def _catboost() -> Bundle:
    """Of a loss that nobody has compiled."""
    from housing.algorithms.registry import fitting
    from housing.data.encoder import Encoder

    encoder = price_bundle().encoder
    areas = [float(area) for area in range(500, 3000, 50)]
    rows = {"Area": areas, "Alley": [None] * len(areas), "Zone": ["RL", "RM"] * (len(areas) // 2)}
    fit = fitting("catboost")
    reader = Encoder.from_json(encoder)
    matrix = fit.matrix(reader.transform(rows), reader.encode_label([area * 100 for area in areas]), {})
    return Bundle(
        "catboost",
        fit.fit({"iterations": 5, "loss_function": "LogCosh"}, matrix, seed=0).model,
        fit.model_format,
        encoder,
    )


def _shown(host: LocalHost) -> Mapping[str, Mapping[str, object]]:
    found = host._show("house")
    assert found is not None
    return found


def _url(host: LocalHost) -> str:
    status = host.status("house")
    assert status is not None
    return status.url
