"""The formats in which SageMaker's XGBoost image takes rows: CSV and libsvm without label, RecordIO of protobuf.

It imports nothing of ours, because scripts' workers load it by its path: they must not see this package.
"""

from __future__ import annotations

import csv
import importlib.util
import math
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import xgboost

_CSV = ("csv", "text/csv")
_LIBSVM = ("libsvm", "text/libsvm", "text/x-libsvm")
_RECORDIO = ("recordio-protobuf", "application/x-recordio-protobuf")
_PARQUET = ("parquet", "application/x-parquet")
_ALL = ("csv", "libsvm", "parquet", *_RECORDIO[:1], "text/csv", *_LIBSVM[1:], _PARQUET[1], _RECORDIO[1])
_SNIFFED = 512
DECODED = (_CSV[1], *_LIBSVM[1:], _RECORDIO[1])
"""What the image decodes for a script that does not."""


class Unreadable(Exception):
    """The request's type is unknown, or its rows are not of that type."""


def read_rows(
    body: bytes, content_type: str | None, *, absent: float = math.nan, stripped: bool = False
) -> xgboost.DMatrix:
    """The request's rows; without a type they are taken for libsvm, whose lines leave out what is `absent`.

    A newline at the end of a text begins another row, unless it is `stripped`. Raises
    Unreadable, in the container's words.
    """
    form = _form(content_type)
    gap = " " if form == "recordio-protobuf" else "\n "
    try:
        if form == "recordio-protobuf":
            return _read_recordio(body)
        text = body.strip().decode("utf-8") if stripped else body.decode("utf-8")
        return _read_csv(text) if form == "csv" else _read_libsvm(text, absent)
    except Exception as e:
        # The container, too, answers whatever numpy, csv or XGBoost raise for rows that they cannot read.
        raise Unreadable(
            f"Loading {form} data failed with Exception, please ensure data is in {form} format:{gap}{type(e)}{gap}{e}"
        ) from e


def media_type(header: str | None) -> str:
    """The type of a Content-Type or Accept header without its parameters, in lower case; "" when there is none."""
    return (header or "").partition(";")[0].strip().lower()


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
    return {name.strip(): value.strip() for name, _, value in pairs}


def _read_csv(text: str) -> xgboost.DMatrix:
    import numpy as np
    import xgboost

    lines = text.split("\n")
    delimiter = csv.Sniffer().sniff(lines[0][:_SNIFFED]).delimiter
    if delimiter.isalnum():
        delimiter = ","  # one column: the sniffer takes a digit for the delimiter
    cells = [["nan" if cell == "" else cell for cell in line.split(delimiter)] for line in lines]
    return xgboost.DMatrix(np.array(cells).astype(float), nthread=1)


def _read_recordio(body: bytes) -> xgboost.DMatrix:
    import xgboost

    spec = importlib.util.spec_from_file_location("_recordio", Path(__file__).with_name("recordio.py"))
    assert spec is not None and spec.loader is not None
    recordio = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(recordio)
    features, labels = recordio.rows(body)
    return xgboost.DMatrix(features, label=labels, nthread=1)


def _read_libsvm(text: str, absent: float) -> xgboost.DMatrix:
    import numpy as np
    import xgboost

    cells = [
        (row, int(index), float(value))
        for row, line in enumerate(text.strip().split("\n"))
        for index, colon, value in (item.partition(":") for item in line.split(" "))
        if colon
    ]
    first = 1 if min(index for _, index, _ in cells) >= 1 else 0
    rows = 1 + max(row for row, _, _ in cells)
    columns = 1 - first + max(index for _, index, _ in cells)
    matrix = np.full((rows, columns), absent)
    for row, index, value in cells:
        matrix[row, index - first] = value
    return xgboost.DMatrix(matrix, nthread=1)
