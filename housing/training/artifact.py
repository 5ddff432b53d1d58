"""A trained model as files: the bundle that every server loads, and the MLflow model around it.

A bundle is a folder with the algorithm's own model file, `encoder.json`, and `bundle.json`, which names both with their
SHA-256. There is no pickle in it. The MLflow model includes the few housing packages that predicting needs, as MLflow's
environments cannot install housing from an index, and is loaded by `_load_pyfunc` below.
"""

from __future__ import annotations

import json
import os
import shutil
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import housing
from housing import files
from housing.algorithms.registry import find, packages
from housing.data.encoder import Encoder
from housing.data.extras import Extras
from housing.errors import DataError
from housing.tasks import written
from housing.training.bundle_files import BUNDLE_FILE, BUNDLE_FOLDER, ENCODER_FILE, check_bundle, sha256_of
from housing.training.predictor import Predictor

if TYPE_CHECKING:
    import numpy as np
    from mlflow.models import Model
    from numpy.typing import NDArray
    from pandas import DataFrame, Series

_PREDICTING = ("algorithms", "data", "tasks", "training")
_MODULES = (
    *("__init__.py", "archives.py", "errors.py", "files.py", "in_order.py", "nearest.py", "plugins.py", "processes.py"),
    *("secrets.py", "shell.py"),
)
_LIBRARIES_FOR_PREDICTING = ("mlflow", "numpy", "pandas")
_COLUMN = "column"


@dataclass(frozen=True)
class Bundle:
    """A model file's bytes and suffix, the algorithm that reads it, and the encoder it was trained with, as JSON."""

    algorithm: str
    model: bytes
    model_format: str
    encoder: str

    def files(self) -> dict[str, bytes]:
        """Contents by file name. The same model always gives the same bytes."""
        model_file = f"model.{self.model_format}"
        contents = {model_file: self.model, ENCODER_FILE: self.encoder.encode()}
        about = {
            "algorithm": self.algorithm,
            "model_file": model_file,
            "sha256": {name: sha256_of(content) for name, content in contents.items()},
            "versions": {"housing": housing.__version__, **find(self.algorithm).versions_of(self.model)},
        }
        return {**contents, BUNDLE_FILE: f"{json.dumps(about, indent=2)}\n".encode()}


def write_bundle(folder: Path, bundle: Bundle) -> None:
    """Create `folder`, which must not exist, atomically."""
    unfinished = folder.with_name(f".{folder.name}.{os.getpid()}.new")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(parents=True)
    for name, content in bundle.files().items():
        files.write(unfinished / name, content)
    files.install(unfinished, folder)


def read_bundle(folder: Path) -> Bundle:
    """The reverse of `write_bundle`; raises DataError like `check_bundle`."""
    about = check_bundle(folder)
    model_file = Path(about["model_file"])
    return Bundle(
        algorithm=about["algorithm"],
        model=(folder / model_file).read_bytes(),
        model_format=model_file.name.partition(".")[2],
        encoder=(folder / ENCODER_FILE).read_text(encoding="utf-8"),
    )


def save_mlflow_model(
    folder: Path, bundle: Bundle, *, model: Model, example: Mapping[str, Sequence[object]] | None = None
) -> None:
    """Write an MLflow model into `folder`, which must not exist or be empty. `example` is a few raw rows, by column.

    Its signature has only the output. MLflow would check inputs against a signature before we see them, and refuse what
    pandas commonly reads: integers where it expects doubles, an empty column where it expects text. The encoder checks
    the same columns, with their levels and ranges, and says more. Everything is given explicitly, as MLflow would
    otherwise infer it by loading the model in another process, which takes seconds.
    """
    import pandas

    # MLflow warns about its own code, and that integers in the example may be missing in other rows.
    with warnings.catch_warnings(), TemporaryDirectory(prefix="housing-") as temporary:
        warnings.simplefilter("ignore")
        import mlflow.pyfunc
        from mlflow.models import ModelSignature
        from mlflow.types import Schema

        write_bundle(Path(temporary, BUNDLE_FOLDER), bundle)
        mlflow.pyfunc.save_model(
            str(folder),
            loader_module=__name__,
            data_path=str(Path(temporary, BUNDLE_FOLDER)),
            model_config={_COLUMN: None},  # MLflow allows only keys that a model declares
            code_paths=[str(_copy_code(Path(temporary, "housing")))],
            mlflow_model=model,
            signature=ModelSignature(outputs=Schema(_answers(bundle)), params=_parameters()),
            input_example=None if example is None else pandas.DataFrame(dict(example)),
            pip_requirements=[
                *(f"{name}=={metadata.version(name)}" for name in _LIBRARIES_FOR_PREDICTING),
                *(f"{name}=={version}" for name, version in packages(bundle.algorithm).items()),
                *find(bundle.algorithm).requirements(bundle.model),
            ],
        )


def _answers(bundle: Bundle) -> list[Any]:
    """The columns of the output: a single unnamed one for plain numbers, else also what accompanies them."""
    from mlflow.types import ColSpec, DataType

    encoder = Encoder.from_json(bundle.encoder)
    prediction, *beside = encoder.answer_columns
    if not beside:
        return [ColSpec(DataType.double)]
    kind = DataType.string if encoder.label_levels else DataType.double
    return [ColSpec(kind, prediction), *(ColSpec(DataType.double, name) for name in beside)]


def _parameters() -> Any:
    """The parameters that MLflow passes with the rows; 0: not requested."""
    from mlflow.types import DataType, ParamSchema, ParamSpec

    return ParamSchema([ParamSpec("interval", DataType.double, 0.0), ParamSpec("explain", DataType.long, 0)])


class RawRows:
    """The model that MLflow calls: raw rows in, predictions out."""

    def __init__(self, predictor: Predictor, column: str | None = None) -> None:
        self._predictor, self._column = predictor, column

    def predict(
        self, model_input: DataFrame, params: Mapping[str, Any] | None = None
    ) -> NDArray[np.float64] | DataFrame | Series:
        """Predictions in the order of the rows; columns are matched by name, extra ones are ignored.

        `params` request more: `{"interval": 0.9}` adds `low` and `high`, or `levels`; `{"explain": 5}` adds `base`,
        `column_1`, `effect_1` and so on.

        (rows,) in the label's unit, or a DataFrame with `prediction` and the columns `probability_<level>` or
        `quantile_<share>`; for a model loaded with `model_config={"column": "prediction"}` only that column, for tools
        that evaluate one value per row.
        """
        import numpy as np

        answer = self._answer(model_input, params)
        if self._column is None or isinstance(answer, np.ndarray):
            return answer
        if self._column not in answer.columns:
            raise DataError(f"model_config.column: must be one of {', '.join(answer.columns)}, got {self._column!r}")
        return answer[self._column]

    def _answer(self, model_input: DataFrame, params: Mapping[str, Any] | None) -> NDArray[np.float64] | DataFrame:
        if not hasattr(model_input, "columns"):
            raise DataError(f"raw rows need column names: pass a DataFrame, not a {type(model_input).__name__}")
        rows = {str(name): model_input[name].to_numpy() for name in model_input.columns}
        asked = dict(params or {})
        extras = Extras(asked.get("interval") or None, asked.get("explain") or None)
        if extras:
            return self._predictor.detailed_columns(rows, extras).frame()
        predictions = self._predictor.predict_columns(rows)
        encoder = self._predictor.encoder
        columns = encoder.answer_columns
        if len(columns) == 1:
            return predictions.values
        import pandas

        return pandas.DataFrame(written.rows(predictions, encoder.label_levels), columns=columns)


def _load_pyfunc(path: str, model_config: Mapping[str, Any] | None = None) -> RawRows:
    return RawRows(Predictor.load(Path(path)), (model_config or {}).get(_COLUMN))


def predicting_part() -> dict[str, bytes]:
    """The part of housing that fits and predicts, by path (`housing/...`); the import layers keep it self-contained."""
    package = Path(housing.__file__).parent
    modules = [package / name for name in _MODULES]
    modules += [source for part in _PREDICTING for source in sorted((package / part).glob("*.py"))]
    return {f"housing/{module.relative_to(package).as_posix()}": module.read_bytes() for module in modules}


def _copy_code(folder: Path) -> Path:
    for name, content in predicting_part().items():
        file = folder.parent / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
    return folder
