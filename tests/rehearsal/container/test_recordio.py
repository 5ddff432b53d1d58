"""RecordIO of protobuf records, read and written without the library that made them."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse

from housing.rehearsal.container import recordio
from tests.rehearsal.container.records import decoded, encoded

ROWS = np.array([[1.5, 0, -3], [0, 2, 0], [300, 7, 1]])


@pytest.mark.parametrize("kind", ["float32", "float64", "int32"])
@pytest.mark.parametrize("sparse", [False, True])
def test_rows_and_labels_come_back(kind: str, sparse: bool) -> None:
    rows = ROWS.astype(kind)
    features, labels = recordio.rows(encoded(rows.tolist(), [4, -5, 6], kind=kind, sparse=sparse))

    assert scipy.sparse.issparse(features) == sparse
    table = features.toarray() if sparse else features
    assert table.dtype == kind
    assert table.tolist() == rows.tolist()
    assert labels is not None
    assert labels.tolist() == [4, -5, 6]


def test_rows_may_have_no_labels() -> None:
    assert recordio.rows(encoded(ROWS.tolist()))[1] is None


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "No records found in RecordIO-Protobuf data"),
        (b"1,2,3,4,5", "Invalid RecordIO magic at offset 0"),
        (encoded(ROWS.tolist())[:-4], "Truncated record at offset"),
        (encoded([[1, 2], [3]]), "match exactly"),
        (encoded([[1]])[:8] + b"\xff" * (len(encoded([[1]])) - 8), "Error parsing message"),
    ],
)
def test_what_is_none_is_refused(content: bytes, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        recordio.rows(content)


def test_frames_can_be_sent_one_by_one() -> None:
    content = encoded(ROWS.tolist())
    frames = list(recordio.frames(content))
    assert b"".join(frames) == content
    assert [recordio.rows(frame)[0].tolist() for frame in frames] == [[row] for row in ROWS.tolist()]


def test_answers_are_records_with_labels() -> None:
    answers = [{"predicted_label": 1, "probabilities": [0.25, 0.75]}, {"predicted_label": 0, "probabilities": [1, 0]}]
    assert list(decoded(recordio.labelled(answers))) == [
        {"predicted_label": [1], "probabilities": [0.25, 0.75]},
        {"predicted_label": [0], "probabilities": [1, 0]},
    ]
