"""The formats in which SageMaker's XGBoost image takes rows: CSV and libsvm without label, RecordIO-protobuf.

It imports nothing of ours, because scripts' workers load it by its path: they must not see this package.
"""

from __future__ import annotations

import csv
import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import xgboost
    from numpy.typing import NDArray

_CSV = ("csv", "text/csv")
_LIBSVM = ("libsvm", "text/libsvm", "text/x-libsvm")
_RECORDIO = ("recordio-protobuf", "application/x-recordio-protobuf")
_PARQUET = ("parquet", "application/x-parquet")
_ALL = ("csv", "libsvm", "parquet", *_RECORDIO[:1], "text/csv", *_LIBSVM[1:], _PARQUET[1], _RECORDIO[1])
_SNIFFED = 512


class Unreadable(Exception):
    """The request's content type is unknown, or its rows do not match it."""


class UnknownType(Exception):
    """A type that the image does not decode for a script; the message is its name."""


def read_rows(body: bytes, content_type: str | None) -> xgboost.DMatrix:
    """The rows as the image reads them in algorithm mode; without a content type as libsvm.

    Raises Unreadable, in the container's words.
    """
    form = _form(content_type)
    gap = " " if form == "recordio-protobuf" else "\n "
    try:
        if form == "recordio-protobuf":
            return _read_recordio(body)
        text = body.strip().decode("utf-8")
        return _read_csv(text) if form == "csv" else _read_sparse(text)
    except Exception as e:
        # The container, too, answers with whatever numpy, csv or XGBoost raise for rows that they cannot read.
        raise Unreadable(
            f"Loading {form} data failed with Exception, please ensure data is in {form} format:{gap}{type(e)}{gap}{e}"
        ) from e


def read_plain_csv(body: bytes, content_type: str | None) -> NDArray[np.float64] | None:
    """The cells of CSV, (rows, columns), as in `read_rows`; None for other types, and for what is not CSV."""
    import numpy as np

    if media_type(content_type) not in _CSV or _form(content_type) != "csv":
        return None
    try:
        lines = body.strip().decode("utf-8").split("\n")
        delimiter = _delimiter(lines[0])
        return np.array([[float(cell or "nan") for cell in line.split(delimiter)] for line in lines])
    except (ValueError, csv.Error):  # not numbers, not UTF-8, or rows of different lengths
        return None


def decode(body: bytes, content_type: str) -> xgboost.DMatrix:
    """The rows as the image reads them for a script without `input_fn`: a newline at the end of CSV begins another row.

    Raises UnknownType, and whatever numpy, csv or XGBoost raise.
    """
    kind = bare_type(content_type)
    if kind == _CSV[1]:
        return _read_csv(body.decode("utf-8"))
    if kind in _LIBSVM[1:]:
        return _read_dense(body.decode("utf-8"))
    if kind == _RECORDIO[1]:
        return _read_recordio(body)
    raise UnknownType(kind)


def media_type(header: str | None) -> str:
    """The type of a Content-Type or Accept header without its parameters, in lower case; "" when there is none."""
    return bare_type(header).lower()


def bare_type(header: str | None) -> str:
    """As `media_type`, in the original case."""
    return (header or "").partition(";")[0].strip()


def _form(content_type: str | None) -> str:
    if content_type is None:
        return "libsvm"
    kind = media_type(content_type)
    if kind in _CSV:
        label_size = _parameters(content_type).get("label_size", "1")
        if label_size != "1":
            raise Unreadable(
                f"{content_type} is not an accepted csv ContentType. Optional parameter label_size must be equal to 1"
            )
        return "csv"
    if kind in _LIBSVM:
        return "libsvm"
    if kind in _RECORDIO:
        return "recordio-protobuf"
    if kind in _PARQUET:
        raise Unreadable(f"Content-type {content_type} is not supported.")
    raise Unreadable(f"{content_type} is not an accepted ContentType: {', '.join(_ALL)}.")


def _parameters(content_type: str) -> dict[str, str]:
    pairs = (part.partition("=") for part in content_type.lower().split(";")[1:])
    return {name.strip(): value.strip().strip('"') for name, _, value in pairs}


def _read_csv(text: str) -> xgboost.DMatrix:
    import numpy as np
    import xgboost

    lines = text.split("\n")
    delimiter = _delimiter(lines[0])
    cells = [["nan" if cell == "" else cell for cell in line.split(delimiter)] for line in lines]
    return xgboost.DMatrix(np.array(cells).astype(float), nthread=1)


def _delimiter(line: str) -> str:
    """The delimiter that Python's sniffer finds in the first line; where there are no quotes it prefers a comma."""
    sniffed = line[:_SNIFFED]
    if "," in sniffed and '"' not in sniffed and "'" not in sniffed:
        return ","
    delimiter = csv.Sniffer().sniff(sniffed).delimiter
    return "," if delimiter.isalnum() else delimiter  # one column: the sniffer takes a digit for the delimiter


def _read_recordio(body: bytes) -> xgboost.DMatrix:
    import xgboost

    spec = importlib.util.spec_from_file_location("_recordio", Path(__file__).with_name("recordio.py"))
    assert spec is not None and spec.loader is not None
    recordio = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(recordio)
    features, labels = recordio.rows(body)
    return xgboost.DMatrix(features, label=labels, nthread=1)


def _read_sparse(text: str) -> xgboost.DMatrix:
    """libsvm in algorithm mode: absent features are missing values, repeated ones are summed."""
    import numpy as np
    import xgboost
    from scipy.sparse import csr_matrix

    items = [
        (row, item.split(":")) for row, line in enumerate(text.split("\n")) for item in line.split(" ") if ":" in item
    ]
    columns = np.array([int(parts[0]) for _, parts in items]).astype(int)
    if len(columns) and columns.min() >= 1:
        columns = columns - 1
    values = np.array([parts[1] for _, parts in items]).astype(float)
    return xgboost.DMatrix(csr_matrix((values, (np.array([row for row, _ in items]), columns))), nthread=1)


def _read_dense(text: str) -> xgboost.DMatrix:
    """libsvm for scripts: absent features are 0."""
    import numpy as np
    import xgboost

    rows = [
        {int(index): float(value) for index, colon, value in (item.partition(":") for item in line.split()) if colon}
        for line in text.strip().split("\n")
    ]
    if not any(rows):
        return xgboost.DMatrix(np.empty((0, 0)), nthread=1)
    named = [index for row in rows for index in row]
    first = 1 if min(named) >= 1 else 0
    matrix = np.zeros((len(rows), max(named) - first + 1))
    for number, row in enumerate(rows):
        for index, value in row.items():
            matrix[number, index - first] = value
    return xgboost.DMatrix(matrix, nthread=1)
