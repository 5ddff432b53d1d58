"""The shipped table, as described in conf/."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from pydantic import TypeAdapter

from housing.data.description import Dataset
from housing.data.encoder import Encoder
from housing.data.features import Features, check_features
from housing.data.preparation import Prepared, prepare

CONF = Path(__file__).parents[2] / "conf"


def _conf(group: str, name: str, kind: type) -> Any:
    return TypeAdapter(kind).validate_python(yaml.safe_load((CONF / group / f"{name}.yaml").read_text()))


@pytest.fixture(scope="module", params=["plain", "domain"])
def prepared(request: pytest.FixtureRequest) -> Prepared:
    dataset = _conf("dataset", "ames", Dataset)
    features = _conf("features", request.param, Features)
    assert check_features(dataset, features) == []
    return prepare(dataset, features)


def test_the_competitions_rows_are_split_and_the_held_back_ones_are_the_test(prepared: Prepared) -> None:
    parts = prepared.parts
    assert (len(parts.train), len(parts.validation), len(parts.test)) == (1168, 292, 1470)
    assert set(prepared.test["KaggleId"]) == {None}
    assert prepared.test["SalePrice"].min() > 0


def test_no_name_of_a_row_and_no_price_becomes_a_feature(prepared: Prepared) -> None:
    assert not {"Order", "PID", "KaggleId", "SalePrice"} & {*prepared.encoder.required, *prepared.encoder.columns}
    assert len(prepared.encoder.required) == 79


def test_the_final_channel_holds_training_and_validation_rows_in_file_order(prepared: Prepared) -> None:
    encoder, channel = prepared.final()
    assert channel.features.shape == (1460, len(encoder.columns))
    rows = np.sort(np.concatenate([prepared.parts.train, prepared.parts.validation]))
    prices = prepared.table["SalePrice"][rows]
    np.testing.assert_allclose(encoder.decode_label(channel.label), prices, rtol=1e-5)


def test_raw_test_rows_give_the_matrix_of_the_table_through_csv_and_json(prepared: Prepared) -> None:
    encoder = Encoder.from_json(prepared.encoder.to_json())
    sent = encoder.rows_from_csv(prepared.test.to_csv())
    assert encoder.transform(sent).tobytes() == prepared.encoder.transform(prepared.test).tobytes()


def test_fresh_processes_agree_on_every_digest() -> None:
    program = f"""
import sys
sys.path.insert(0, {str(Path(__file__).parents[2])!r})
from tests.data.test_ames import _conf
from housing.data.description import Dataset
from housing.data.features import Features
from housing.data.preparation import prepare
p = prepare(_conf("dataset", "ames", Dataset), _conf("features", "plain", Features))
print(p.data_digest, p.split_digest, p.encoder_digest, *(c.digest for c in p.channels.values()), p.final()[1].digest)
"""
    found = {
        subprocess.run(
            [sys.executable, "-c", program], capture_output=True, text=True, check=True, env={"PYTHONHASHSEED": seed}
        ).stdout
        for seed in ("1", "2")
    }
    assert len(found) == 1
    assert len(found.pop().split()) == 6
