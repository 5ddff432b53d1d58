"""A model's compiled form, which answers a few rows quickly, exactly as the model does.

It is compared with the model on rows at and beside the model's thresholds, with and without missing values. If a single
answer differs in a single bit, it is not used.
"""

from __future__ import annotations

import hashlib
import json
import platform
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from housing import files
from housing.algorithms import stored_forms
from housing.algorithms.compiled import to_bytes
from housing.algorithms.registry import find
from housing.errors import DataError, HousingError
from housing.training.bundle_files import BUNDLE_FILE
from housing.training.predictor import Predictor

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from housing.algorithms.compiled import Compiled

_ROWS = 400
_FOLDER = "compiled"
_LIBRARIES = ("numpy",)


class NotCompiledError(HousingError):
    """A model has no compiled form; the message says why."""


def compiled(folder: Path) -> Compiled:
    """The compiled form of a bundle's model, verified against it. Raises NotCompiledError."""
    about = json.loads((folder / BUNDLE_FILE).read_text(encoding="utf-8"))
    try:
        tables = find(about["algorithm"]).compiled((folder / about["model_file"]).read_bytes())
    except ValueError as error:
        raise NotCompiledError(f"{about['algorithm']} has {error}") from error
    # A model file of another version may lack expected members.
    except (KeyError, TypeError, AttributeError, IndexError) as error:
        raise NotCompiledError(f"{about['algorithm']}: its model file is of another form: {error!r}") from error
    if tables is None:
        raise NotCompiledError(f"{about['algorithm']} has no compiled form")
    predictor = Predictor.load(folder)
    width = len(predictor.encoder.columns)
    if tables.width not in (None, width):
        raise NotCompiledError(f"the model has {tables.width} columns, its encoder {width}")
    if (fault := difference(tables, predictor.model, rows_about(tables, _ROWS, width))) is not None:
        raise NotCompiledError(fault)
    return tables


def form_name(folder: Path, digest: str) -> str:
    """The file name of a bundle's compiled form, valid only for the same libraries and kind of machine."""
    try:
        names = sorted(json.loads((folder / BUNDLE_FILE).read_text(encoding="utf-8"))["versions"])
    except (OSError, ValueError, KeyError, TypeError):
        names = []
    versions = {name: _version(name) for name in (*names, *_LIBRARIES) if name != "housing"}
    here = json.dumps([platform.machine(), platform.libc_ver(), versions], sort_keys=True)
    return f"{digest}.{stored_forms.FORMAT}.{hashlib.sha256(here.encode()).hexdigest()[:12]}"


def keep_form(model: Path, bundle: Path, digest: str) -> None:
    """Compile a bundle, if possible, and store its form in the folder of the registered `model`."""
    try:
        form = to_bytes(compiled(bundle))
    # A model trained elsewhere may need a library that is not installed here.
    except (NotCompiledError, DataError, ImportError):
        return
    (model / _FOLDER).mkdir()
    files.write(model / _FOLDER / form_name(bundle, digest), form)


def kept_form(bundle: Path, digest: str) -> bytes | None:
    """The form that `keep_form` stored for a bundle in a model's folder, if it was verified in an equal environment."""
    file = bundle.parent.parent / _FOLDER / form_name(bundle, digest)
    try:
        return file.read_bytes()
    except OSError:
        return None


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return ""


def difference(tables: Compiled, model: Any, rows: NDArray[np.float32]) -> str | None:
    """How the answers differ; None if they are equal to the last bit."""
    import numpy as np

    ours, theirs = tables.predict(rows), np.asarray(model.predict(rows))
    if ours.shape != theirs.shape or ours.dtype != theirs.dtype:
        return f"its tables give {ours.dtype} {ours.shape}, the model {theirs.dtype} {theirs.shape}"
    if differing := int((ours != theirs).sum() - (np.isnan(ours) & np.isnan(theirs)).sum()):
        return f"its tables differ from the model in {differing} of {ours.size} answers"
    return None


def rows_about(tables: Compiled, count: int, width: int, seed: int = 0) -> NDArray[np.float32]:
    """Rows with values at thresholds of the model, one step beside them, or far away; some are missing."""
    import numpy as np

    random = np.random.default_rng(seed)
    rows = random.normal(0, 10, (count, width)).round(2).astype(np.float32)
    columns, thresholds = tables.splits()
    for column in np.unique(columns):
        own = thresholds[columns == column]
        drawn = random.choice(own[np.isfinite(own)], count) if np.isfinite(own).any() else rows[:, column]
        beside = [drawn, np.nextafter(drawn, np.float32(-np.inf)), np.nextafter(drawn, np.float32(np.inf))]
        rows[:, column] = np.array(beside)[random.integers(0, 3, count), np.arange(count)]
    rows[random.random(rows.shape) < random.choice([0, 0.1, 0.5], (count, 1))] = np.nan
    rows[0], rows[1] = np.nan, 0
    rows[~np.isfinite(rows)] = np.nan
    return rows
