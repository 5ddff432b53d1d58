from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from numpy.typing import NDArray

from housing.data.channel import Channel, build, read_csv, read_npy, write_csv, write_npy
from housing.errors import DataError

CELLS = st.floats(width=32, allow_infinity=False)
MATRICES = arrays(np.float32, array_shapes(min_dims=2, max_dims=2, max_side=6), elements=CELLS)


def _channel(features: NDArray[np.float32]) -> Channel:
    columns = tuple(f"c{i}" for i in range(features.shape[1]))
    return build("train", features=features, label=np.arange(len(features), dtype=np.float32), columns=columns)


@given(features=MATRICES)
@settings(max_examples=200, deadline=None)
def test_both_forms_read_back_bit_by_bit(
    tmp_path_factory: pytest.TempPathFactory, features: NDArray[np.float32]
) -> None:
    folder = tmp_path_factory.mktemp("channel")
    channel = _channel(features)
    write_csv(channel, folder / "train.csv")
    write_npy(channel, folder / "train.npy")
    from_csv = read_csv(folder / "train.csv", name="train", columns=channel.columns)
    from_npy = read_npy(folder / "train.npy", name="train", columns=channel.columns)
    assert from_csv.features.tobytes() == from_npy.features.tobytes() == channel.features.tobytes()
    assert from_csv.digest == from_npy.digest == channel.digest


def test_csv_is_what_the_container_reads(tmp_path: Path) -> None:
    features = np.array([[1, 0.1, np.nan], [np.nan, -2.5, 3e20]], np.float32)
    write_csv(_channel(features), tmp_path / "train.csv")
    text = (tmp_path / "train.csv").read_text()
    assert text == "0,1,0.10000000149011612,\n1,,-2.5,3e+20\n"
    assert re.fullmatch(r"[-+.e\d,\n]*", text)


def test_weights_stand_second_and_read_back(tmp_path: Path) -> None:
    features = np.array([[1, 0.1, np.nan], [np.nan, -2.5, 3e20]], np.float32)
    plain, weights = _channel(features), np.array([0.3, 2], np.float32)
    weighed = build("train", features=features, label=plain.label, columns=plain.columns, weights=weights)
    assert weighed.digest != plain.digest
    write_csv(weighed, tmp_path / "train.csv")
    write_npy(weighed, tmp_path / "train.npy")
    first = (tmp_path / "train.csv").read_text().splitlines()[0]
    assert first.split(",")[:3] == ["0", "0.30000001192092896", "1"]
    for again in (
        read_csv(tmp_path / "train.csv", name="train", columns=plain.columns, weighed=True),
        read_npy(tmp_path / "train.npy", name="train", columns=plain.columns, weighed=True),
    ):
        assert again.digest == weighed.digest
        assert again.weights is not None
        assert again.weights.tobytes() == weights.tobytes()
    assert read_csv(tmp_path / "train.csv", name="train", weighed=True).columns == ("c0", "c1", "c2")


@pytest.mark.parametrize("weights", [[1.0], [1.0, 0.0], [1.0, np.nan], [1.0, -1.0]])
def test_every_row_has_a_weight_of_more_than_nothing(weights: list[float]) -> None:
    features, label = np.ones((2, 1), np.float32), np.zeros(2, np.float32)
    with pytest.raises(DataError, match="a weight for every row, finite and more than 0"):
        build("train", features=features, label=label, columns=("a",), weights=np.array(weights, np.float32))


def test_nothing_but_the_channel_is_left_on_disk(tmp_path: Path) -> None:
    channel = _channel(np.ones((2, 2), np.float32))
    write_csv(channel, tmp_path / "deep" / "train.csv")
    write_npy(channel, tmp_path / "deep" / "train.npy")
    assert sorted(file.name for file in (tmp_path / "deep").iterdir()) == ["train.csv", "train.npy"]


def test_a_write_that_fails_leaves_the_older_file_whole(tmp_path: Path) -> None:
    target = tmp_path / "train.csv"
    target.mkdir()
    (target / "occupied").touch()
    with pytest.raises(OSError):
        write_csv(_channel(np.ones((1, 1), np.float32)), target)
    assert [file.name for file in tmp_path.iterdir()] == ["train.csv"]


@pytest.mark.parametrize("text", ["", "1,2\n", "1,2,3\n1,2\n", "label,a,b\n", "1,2,x\n", "1,2,inf\n", ",1,2\n"])
def test_a_csv_that_is_no_channel_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "train.csv").write_text(text)
    with pytest.raises(DataError):
        read_csv(tmp_path / "train.csv", name="train", columns=("a", "b"))


@pytest.mark.parametrize("keep", [0, 6, 100, -3])
def test_a_matrix_that_was_cut_is_refused(tmp_path: Path, keep: int) -> None:
    file = tmp_path / "train.npy"
    write_npy(_channel(np.ones((4, 2), np.float32)), file)
    file.write_bytes(file.read_bytes()[:keep])
    with pytest.raises(DataError, match="not a whole channel"):
        read_npy(file, name="train", columns=("c0", "c1"))


def test_a_matrix_of_other_columns_is_refused(tmp_path: Path) -> None:
    write_npy(_channel(np.ones((4, 2), np.float32)), tmp_path / "train.npy")
    with pytest.raises(DataError, match="the label and 3 features"):
        read_npy(tmp_path / "train.npy", name="train", columns=("a", "b", "c"))


@pytest.mark.parametrize(
    ("features", "label"), [([[np.inf]], [1.0]), ([[1.0]], [np.nan]), ([[1.0]], [1.0, 2.0]), ([[1.0, 2.0]], [1.0])]
)
def test_what_no_model_can_be_fitted_to_is_refused(features: list[list[float]], label: list[float]) -> None:
    with pytest.raises(DataError, match="channel train"):
        build("train", features=np.array(features, np.float32), label=np.array(label, np.float32), columns=("a",))


def test_the_digest_depends_on_values_and_names_not_on_the_kind_of_nan() -> None:
    quiet = np.array([[np.nan, 1]], np.float32)
    other = quiet.copy()
    other.view(np.uint32)[0, 0] = 0xFFC00001
    assert _channel(quiet).digest == _channel(other).digest
    assert _channel(quiet).digest != _channel(quiet[:, ::-1]).digest
    renamed = build("train", features=quiet, label=np.zeros(1, np.float32), columns=("c0", "d"))
    assert _channel(quiet).digest != renamed.digest


def test_xgboost_s_own_reader_sees_the_same_bits(tmp_path: Path) -> None:
    import xgboost

    generator = np.random.default_rng(0)
    scale = 10.0 ** generator.integers(-7, 8, size=(500, 4))
    features = (generator.normal(size=(500, 4)) * scale).astype(np.float32)
    written = build("train", features=features, label=np.exp(features[:, 0] % 9), columns=tuple("abcd"))
    write_csv(written, tmp_path / "train.csv")
    with pytest.warns(UserWarning, match="deprecated"):
        read = xgboost.DMatrix(f"{tmp_path / 'train.csv'}?format=csv&label_column=0")
    assert (read.get_data().toarray() == written.features).all()
    assert (read.get_label() == written.label).all()
