"""Channels as XGBoost's matrices, read as SageMaker's container reads them: with its refusals and its misreadings.

After `data_utils.py` of aws/sagemaker-xgboost-container. XGBoost's own reader treats what is not a number as missing.
"""

from __future__ import annotations

import csv
import logging
import os
import shutil
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import xgboost

from housing.rehearsal.container import recordio
from housing.rehearsal.container.errors import UserError

CSV, LIBSVM, PARQUET, RECORDIO = "csv", "libsvm", "parquet", "recordio-protobuf"
_FORMATS = {
    "csv": CSV,
    "libsvm": LIBSVM,
    "parquet": PARQUET,
    "recordio-protobuf": RECORDIO,
    "text/csv": CSV,
    "text/libsvm": LIBSVM,
    "text/x-libsvm": LIBSVM,
    "application/x-parquet": PARQUET,
    "application/x-recordio-protobuf": RECORDIO,
}
_DISTRIBUTIONS = ("FullyReplicated", "ShardedByS3Key")
_MAX_DEPTH = 3
_log = logging.getLogger(__name__)


def checked_channels(channels: Mapping[str, Mapping[str, Any]]) -> str:
    """The format of `train`; `channels` as in inputdataconfig.json. Raises UserError in the container's words."""
    if "train" not in channels:
        raise UserError("Missing required channel: train")
    for name, given in channels.items():
        if name not in ("train", "validation", "code"):
            raise UserError(f"Extraneous channel found: {name}")
        channel = {"ContentType": "text/libsvm", **given}
        known = ("text/python",) if name == "code" else tuple(_FORMATS)
        modes = ("File",) if name == "code" or "libsvm" in channel["ContentType"] else ("File", "Pipe")
        spread = _DISTRIBUTIONS[:1] if name == "code" else _DISTRIBUTIONS
        if (
            channel["ContentType"] not in known
            or channel["TrainingInputMode"] not in modes
            or channel["S3DistributionType"] not in spread
        ):
            raise UserError(f"Channel configuration for '{name}' channel is not supported: {channel}")
    kind = _FORMATS[channels["train"].get("ContentType", "text/libsvm")]
    if channels["train"]["TrainingInputMode"] == "Pipe":
        name = {CSV: "CSV", PARQUET: "Parquet", RECORDIO: "RecordIO-Protobuf"}[kind]
        raise UserError(
            f"Pipe mode for {name} is no longer supported. Please use Fast File mode (default) instead. "
            "Set input_mode='File' in your SageMaker Estimator or TrainingInput."
        )
    return kind


def size(folder: Path) -> int:
    """Bytes of all files; 0 when there is no such folder. Raises UserError on a hidden file."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    if any(path.name.startswith(".") for path in files):
        raise UserError("Hidden file found in the data path! Remove that before training.")
    return sum(path.stat().st_size for path in files)


def check_format(folder: Path, kind: str) -> None:
    """Check the first line of each file, as the container does. Raises UserError."""
    deepest = next(Path(root) for root, folders, _ in os.walk(folder) if not folders)
    for path in sorted(deepest.iterdir()):
        if not path.is_file() or path.name.startswith((".", "_")):
            continue
        if kind == CSV:
            _delimiter(path)
        elif kind == LIBSVM:
            _check_libsvm(path)


def matrix(folders: Sequence[Path], kind: str, *, weights: bool, scratch: Path) -> xgboost.DMatrix:
    """All files of the folders in one matrix, label first; with `weights` the second column has the rows' weights.

    `scratch` is emptied and used. Raises UserError when XGBoost cannot read them.
    """
    _log.info("File path %s of input files", folders[0] if len(folders) == 1 else [str(folder) for folder in folders])
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir(parents=True)
    for folder in folders:
        _link(folder, scratch, depth=1)
    _log.info("files path: %s", scratch)
    loaded = {CSV: _csv, LIBSVM: _libsvm, PARQUET: _parquet, RECORDIO: _recordio}[kind](scratch, weights=weights)
    if loaded.get_label().size == 0:
        raise UserError(
            "Got input data without labels. Please check the input data set. "
            "If training job is running on multiple instances, please switch "
            "to using single instance if number of records in the data set "
            "is less than number of workers (16 * number of instance) in the cluster."
        )
    return loaded


def warn_of_duplicates(train: Path, validation: Path) -> None:
    """Warn when both channels have a file of the same name and size: the metrics would be meaningless."""
    for path in sorted(train.iterdir()):
        twin = validation / path.name
        if path.is_file() and twin.is_file() and path.stat().st_size == twin.stat().st_size:
            _log.warning(
                "Suspected identical files found. (%s and %swith same size %d bytes). "
                "Note: Duplicate data in the training set and validation set is usually not intentional and can "
                "impair the validity of the model evaluation by the validation score.",
                path,
                twin,
                path.stat().st_size,
            )


def _link(folder: Path, scratch: Path, *, depth: int) -> None:
    if depth > _MAX_DEPTH:
        _log.warning(
            "The depth of folder %s exceed the limit %d. Files in deeper sub dirs won't be loaded. "
            "Please adjust the folder structure accordingly.",
            folder,
            _MAX_DEPTH,
        )
        return
    _log.info("Making smlinks from folder %s to folder %s", folder, scratch)
    for path in sorted(folder.iterdir()):
        if path.is_dir():
            _link(path, scratch, depth=depth + 1)
            continue
        link = scratch / f"{path.name}{len(list(scratch.iterdir()))}"
        _log.info("creating symlink between Path %s and destination %s", path, link)
        link.symlink_to(path)


def _delimiter(path: Path) -> str:
    with path.open(encoding="utf-8", errors="ignore") as file:
        line = file.readline()
    try:
        delimiter = csv.Sniffer().sniff(line).delimiter
    except csv.Error as error:
        raise UserError(f"Could not determine delimiter on line {line[:50]}:\n{error}") from error
    _log.info("Determined delimiter of CSV input is '%s'", delimiter)
    return delimiter


def _check_libsvm(path: Path) -> None:
    with path.open(encoding="utf-8", errors="ignore") as file:
        for line in file:
            label, *features = line.rstrip("\n").split(" ")
            labelled = len(label.split(":")) <= 2 and all(_is_number(part) for part in label.split(":"))
            if not labelled or not all(feature.count(":") == 1 for feature in features):
                raise UserError(
                    f"First line '{line[:50]}...' of file '{path.name}' is not 'LIBSVM' format. "
                    "Please ensure the file is in 'LIBSVM' format."
                )
            if len(features) > 1:
                return


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _csv(folder: Path, *, weights: bool) -> xgboost.DMatrix:
    sample = min(folder.iterdir())
    with sample.open(encoding="utf-8") as file:
        file.readline()  # anything but UTF-8 fails here, with Python's own error
    delimiter = _delimiter(sample)
    weighed = "&weight_column=1" if weights else ""
    return _from_text(f"{folder}?format=csv&label_column=0&delimiter={delimiter}{weighed}", "csv")


def _libsvm(folder: Path, *, weights: bool) -> xgboost.DMatrix:  # noqa: ARG001
    return _from_text(f"{folder}?format=libsvm", "libsvm")


def _from_text(address: str, kind: str) -> xgboost.DMatrix:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # reading text is deprecated in XGBoost
            return xgboost.DMatrix(address)
    except xgboost.core.XGBoostError as error:
        raise UserError(f"Failed to load {kind} data with exception:\n{error}") from error


def _recordio(folder: Path, *, weights: bool) -> xgboost.DMatrix:  # noqa: ARG001
    names = (path.name for path in folder.iterdir())
    content = b"".join((folder / name).read_bytes() for name in sorted(names) if not name.startswith((".", "_")))
    try:
        features, labels = recordio.rows(content)
        return xgboost.DMatrix(features, label=labels)
    except (ValueError, TypeError, xgboost.core.XGBoostError) as error:
        raise UserError(f"Failed to load recordio-protobuf data with exception:\n{error}") from error


def _parquet(folder: Path, *, weights: bool) -> xgboost.DMatrix:  # noqa: ARG001
    import numpy as np
    import pyarrow.parquet

    try:
        table = pyarrow.parquet.read_table(folder)
        columns = [column.to_numpy(zero_copy_only=False) for column in table.columns]
        values = np.column_stack(columns).astype(np.float64)
        return xgboost.DMatrix(values[:, 1:], label=values[:, 0])
    except (ValueError, TypeError, OSError, xgboost.core.XGBoostError) as error:
        raise UserError(f"Failed to load parquet data with exception:\n{error}") from error
