"""SageMaker's XGBoost image in algorithm mode, held to what its public source says."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
import xgboost
from hypothesis import given
from hypothesis import strategies as st

from housing.rehearsal.container.inference import Setup, Unhealthy
from housing.rehearsal.container.request_formats import read_plain_csv
from housing.rehearsal.container.xgboost_inference import XGBoostContainer
from tests.rehearsal.container.records import decoded, encoded

FEATURES = np.random.default_rng(1).normal(size=(60, 4)).astype(np.float32)


@pytest.fixture(scope="module")
def booster() -> xgboost.Booster:
    return _fitted(FEATURES[:, 0] * 3 + FEATURES[:, 1])


@pytest.fixture
def model(tmp_path: Path, booster: xgboost.Booster) -> Path:
    (tmp_path / "xgboost-model").write_bytes(booster.save_raw("ubj"))
    return tmp_path


def test_it_answers_csv_with_one_value_a_line(model: Path, booster: xgboost.Booster) -> None:
    answer = _serve(model).invoke(_csv(FEATURES[:3]), "text/csv", None)

    assert (answer.status, answer.content_type) == (200, "text/csv")
    values = [float(line) for line in answer.body.decode().splitlines()]
    assert np.float32(values).tolist() == booster.predict(xgboost.DMatrix(FEATURES[:3])).tolist()
    assert answer.body.endswith(b"\n")


def test_it_answers_json_when_asked(model: Path, booster: xgboost.Booster) -> None:
    answer = _serve(model).invoke(_csv(FEATURES[:2]), "text/csv; label_size=1", "application/json")

    scores = [row["score"] for row in json.loads(answer.body)["predictions"]]
    assert scores == booster.predict(xgboost.DMatrix(FEATURES[:2])).tolist()


def test_libsvm_counts_features_from_one_and_takes_the_rest_for_missing(model: Path, booster: xgboost.Booster) -> None:
    row = np.full((1, 4), np.nan, dtype=np.float32)
    row[0, 1] = 0.5
    row[0, 3] = -1

    answer = _serve(model).invoke(b"0 2:0.5 4:-1", "text/libsvm", None)
    assert float(answer.body) == pytest.approx(float(booster.predict(xgboost.DMatrix(row))[0]))


def test_libsvm_adds_up_what_a_line_names_twice_and_needs_no_room_for_what_it_leaves_out(model: Path) -> None:
    container = _serve(model)
    once, twice = (container.invoke(line, "text/libsvm", None).body for line in (b"1:3 2:1", b"1:1 2:1 1:2"))
    assert once == twice
    far = container.invoke(b"1:1 2000000000:1", "text/libsvm", None)
    assert (far.status, b"Number of columns does not match" in far.body) == (400, True)


@pytest.mark.parametrize("sparse", [False, True])
def test_records_are_rows(model: Path, booster: xgboost.Booster, sparse: bool) -> None:
    body = encoded(FEATURES[:3].tolist(), [1, 2, 3], sparse=sparse)
    answer = _serve(model).invoke(body, "application/x-recordio-protobuf", None)
    expected = booster.predict(xgboost.DMatrix(FEATURES[:3]))
    assert [float(line) for line in answer.body.split()] == pytest.approx(expected.tolist())


def test_a_row_that_lacks_a_column_is_answered_without_a_word(model: Path) -> None:
    assert _serve(model).invoke(_csv(FEATURES[:1, :3]), "text/csv", None).status == 200


@pytest.mark.parametrize(
    ("body", "content_type", "accept", "status", "says"),
    [
        (b"1,2,3,4,5", "text/csv", None, 400, "Number of columns does not match number of features"),
        (b"LotArea,Street\n1,2", "text/csv", None, 415, "Loading csv data failed with Exception"),
        (b"[[1, 2, 3, 4]]", "application/json", None, 415, "application/json is not an accepted ContentType"),
        (b"1,2,3,4,", "application/x-recordio-protobuf", None, 415, "Invalid RecordIO magic at offset 0"),
        (b"1,2,3,4", "text/csv", "Text/Plain; q=1", 406, "Accept type Text/Plain is not supported"),
        (b"1,2,3,4", "text/csv; label_size=2", None, 415, "Optional parameter label_size must be equal to 1"),
        (b"1,2,3,4", 'text/csv; label_size="1"', None, 200, ""),
        (b"1,2,3,4", "application/x-www-form-urlencoded", None, 204, ""),
        (
            b"\n#\xd7\xce\x04\0\0\0\xff\xff\xff\xff",
            "recordio-protobuf",
            None,
            415,
            "google.protobuf.message.DecodeError",
        ),
        (b"1:1:9 2:a", "libsvm", None, 415, "could not convert string to float: np.str_('a')"),
        (b"1,2,3,4", None, None, 415, "Loading libsvm data failed"),
        (b"", "text/csv", None, 204, ""),
        (b"1," * 4_000_000, "text/csv", None, 413, "exceeds the capacity limit"),
        (b"1,2,3,4", "text/csv", "application/jsonlines", 500, "Internal Server Error"),
    ],
)
def test_it_refuses_as_the_image_does(
    model: Path, body: bytes, content_type: str | None, accept: str | None, status: int, says: str
) -> None:
    answer = _serve(model).invoke(body, content_type, accept)
    assert answer.status == status
    assert says in answer.body.decode()


def test_every_visible_file_in_the_root_is_a_member_of_the_ensemble(model: Path, booster: xgboost.Booster) -> None:
    other = _fitted(FEATURES[:, 2])
    (model / "another").write_bytes(other.save_raw("json"))
    (model / ".hidden").write_text("no booster")
    (model / "code").mkdir()

    answer = _serve(model).invoke(_csv(FEATURES[:1]), "text/csv", None)
    rows = xgboost.DMatrix(FEATURES[:1])
    assert float(answer.body) == pytest.approx((booster.predict(rows)[0] + other.predict(rows)[0]) / 2)


@pytest.mark.parametrize(
    ("selected", "says"), [({}, "Internal Server Error"), ({"SAGEMAKER_INFERENCE_OUTPUT": "labels"}, "not iterable")]
)
def test_an_ensemble_that_votes_fails_as_in_the_image(tmp_path: Path, selected: dict[str, str], says: str) -> None:
    booster = _fitted((FEATURES[:, 0] > 0).astype(int), {"objective": "binary:hinge"})
    for name in ("one", "another"):
        (tmp_path / name).write_bytes(booster.save_raw("ubj"))
    answer = _serve(tmp_path, **selected).invoke(_csv(FEATURES[:2]), "text/csv", None)
    assert (answer.status, says in answer.body.decode()) == (500, True)


def test_a_file_that_is_no_booster_fails_the_health_check_and_says_so_in_the_log(model: Path) -> None:
    (model / "encoder.json").write_text('{"columns": []}')
    lines: list[str] = []

    with pytest.raises(Unhealthy, match=r"encoder\.json cannot be loaded"):
        XGBoostContainer(Setup(model, {}, lines.append))
    assert any("/opt/ml/model/encoder.json cannot be loaded" in line for line in lines)


def test_an_empty_archive_fails_the_health_check(tmp_path: Path) -> None:
    with pytest.raises(Unhealthy):
        _serve(tmp_path)


def test_output_can_be_selected(tmp_path: Path) -> None:
    labels = (FEATURES[:, 0] > 0).astype(int)
    booster = _fitted(labels, {"objective": "binary:logistic"})
    (tmp_path / "xgboost-model").write_bytes(booster.save_raw("ubj"))
    container = _serve(tmp_path, SAGEMAKER_INFERENCE_OUTPUT="predicted_label, probabilities,predicted_score")

    row = json.loads(container.invoke(_csv(FEATURES[:1]), "text/csv", "application/jsonlines").body)
    probability = booster.predict(xgboost.DMatrix(FEATURES[:1]))[0].item()
    assert list(row) == ["predicted_label", "probabilities", "predicted_score"]
    assert row["predicted_label"] == int(probability > 0.5)
    assert row["probabilities"] == [1 - probability, probability]
    assert np.isnan(row["predicted_score"])
    as_records = container.invoke(_csv(FEATURES[:1]), "text/csv", "application/x-recordio-protobuf").body
    (record,) = decoded(as_records)
    assert record["probabilities"] == pytest.approx([1 - probability, probability])
    assert (
        container.invoke(_csv(FEATURES[:1]), "text/csv", None).body.decode().startswith(f'{row["predicted_label"]},"[')
    )


@pytest.mark.parametrize("booster", ["gbtree", "dart", "gblinear"])
@pytest.mark.parametrize("objective", ["reg:squarederror", "binary:logistic", "multi:softprob", "multi:softmax"])
def test_csv_is_answered_as_its_matrix_is(tmp_path: Path, booster: str, objective: str) -> None:
    several = {"num_class": "3"} if "multi" in objective else {}
    label = np.arange(60) % (3 if several else 2)
    fitted = _fitted(label, {"booster": booster, "objective": objective, **several})
    (tmp_path / "xgboost-model").write_bytes(fitted.save_raw("ubj"))
    rows = np.where(np.arange(80).reshape(20, 4) % 7 == 0, np.nan, np.linspace(-2, 2, 80).reshape(20, 4))

    answer = _serve(tmp_path).invoke(_csv(rows).replace(b"nan", b""), "text/csv", "application/json")

    scores = [row["score"] for row in json.loads(answer.body)["predictions"]]
    assert scores == fitted.predict(xgboost.DMatrix(rows)).tolist()


@pytest.mark.parametrize("cell", ["inf", "-1e39"])
def test_what_is_too_large_is_refused_in_the_words_of_xgboost(model: Path, cell: str) -> None:
    answer = _serve(model).invoke(f"1,2,3,{cell}".encode(), "text/csv", None)
    assert (answer.status, b"Input data contains `inf`" in answer.body) == (415, True)


@given(
    st.lists(
        st.lists(st.one_of(st.floats().map(str), st.text("0123456789.,-+eE naif_\r\t;:'\"\u0663\0\u00a0", max_size=5))),
        min_size=1,
        max_size=3,
    )
)
def test_csv_is_read_without_a_matrix_as_numpy_reads_it(rows: list[list[str]]) -> None:
    """The way of the image: the sniffer's delimiter, texts to numpy, and from there to numbers."""
    text = "\n".join(",".join(row) for row in rows)
    if (found := read_plain_csv(text.encode(), "text/csv")) is None:
        return
    lines = text.encode().strip().decode().split("\n")
    delimiter = csv.Sniffer().sniff(lines[0][:512]).delimiter
    delimiter = "," if delimiter.isalnum() else delimiter
    cells = [["nan" if cell == "" else cell for cell in line.split(delimiter)] for line in lines]
    np.testing.assert_array_equal(found, np.array(cells).astype(float))


def _fitted(label: np.ndarray, params: dict[str, str] | None = None) -> xgboost.Booster:
    return xgboost.train({"nthread": 1, **(params or {})}, xgboost.DMatrix(FEATURES, label=label), 5)


def _serve(model: Path, **environment: str) -> XGBoostContainer:
    return XGBoostContainer(Setup(model, environment, lambda line: None))


def _csv(rows: np.ndarray) -> bytes:
    return "\n".join(",".join(map(str, row)) for row in rows.tolist()).encode()
