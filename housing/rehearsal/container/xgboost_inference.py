"""SageMaker's XGBoost image, serving in algorithm mode: every file in the model's root is a booster.

The image runs a web server with one process per core; here it happens in the calling process, on one thread, because
no user code runs.
"""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

from housing.rehearsal.container.inference import CRASHED, Answer, Setup, Unhealthy
from housing.rehearsal.container.request_formats import Unreadable, bare_type, media_type, read_plain_csv, read_rows
from housing.rehearsal.container.selectable_output import NotEncodable, encode_selected, select

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_ACCEPTED = ["application/json", "application/jsonlines", "application/x-recordio-protobuf", "text/csv"]
_VOTED = ("multi:softmax", "binary:hinge")
_MOST_BYTES = 6 * 1024**2


class XGBoostContainer:
    """The boosters of a model, and how their answers are encoded."""

    def __init__(self, setup: Setup) -> None:
        self._log = setup.log
        self._environment = setup.environment
        self._lock = threading.Lock()  # for predictions from matrices; linear models and dart are not thread-safe
        ensemble = setup.environment.get("SAGEMAKER_INFERENCE_ENSEMBLE", "true") == "true"
        try:
            self._boosters = _load(setup.model, ensemble=ensemble)
        except Unhealthy as e:
            for line in str(e).splitlines():
                self._log(line)
            raise
        learner = json.loads(self._boosters[0].save_config())["learner"]
        self._columns = {_columns_of_trees(booster) for booster in self._boosters}
        self._objective = str(learner["objective"]["name"])
        self._classes = int(learner["learner_model_param"]["num_class"])
        self._log(f"Model objective : {self._objective}")

    def invoke(self, body: bytes, content_type: str | None, accept: str | None) -> Answer:
        if len(body) > int(self._environment.get("MAX_CONTENT_LENGTH", _MOST_BYTES)):
            return Answer.text(413, "The data value transmitted exceeds the capacity limit.")
        if not body or _is_form(content_type):
            return Answer.text(204, "")
        try:
            predictions = self._predict(body, content_type)
        except Unreadable as e:
            return self._fail(415, str(e))
        except Exception as e:  # such as more columns than the model has: the answer is XGBoost's own message
            return self._fail(400, f"Unable to evaluate payload provided: {e}")
        wanted = media_type(accept)
        if wanted in ("", "*/*"):
            wanted = self._environment.get("SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT", "text/csv")
        elif wanted not in _ACCEPTED:
            return self._fail(
                406,
                f"Accept type {bare_type(accept)} is not supported. Please use supported accept types: {_ACCEPTED}.",
            )
        return self._encode(predictions, wanted)

    def close(self) -> None:
        """Nothing to stop: the boosters are freed with the last reference to them."""

    def _predict(self, body: bytes, content_type: str | None) -> NDArray[np.float32]:
        """The mean of the boosters' predictions. Raises Unreadable, or whatever XGBoost raises."""
        import numpy as np

        if (cells := read_plain_csv(body, content_type)) is not None and self._takes_cells(cells):
            each = [booster.inplace_predict(cells, validate_features=False) for booster in self._boosters]
        else:
            rows = read_rows(body, content_type)
            with self._lock:
                each = [booster.predict(rows, validate_features=False) for booster in self._boosters]
        return np.asarray(each[0] if len(each) == 1 else np.mean(each, axis=0))

    def _takes_cells(self, cells: NDArray[np.float64]) -> bool:
        """Whether the answers without a matrix, which takes as long as predicting, are the same to the bit."""
        import numpy as np

        return self._columns == {cells.shape[1]} and not bool((np.abs(cells) > np.finfo(np.float32).max).any())

    def _encode(self, predictions: NDArray[np.float32], accept: str) -> Answer:
        batch = bool(self._environment.get("SAGEMAKER_BATCH"))
        if self._objective in _VOTED and len(self._boosters) > 1:
            return self._voted()
        if "SAGEMAKER_INFERENCE_OUTPUT" in self._environment:
            return self._select(predictions, accept, batch=batch)
        values = predictions.tolist()
        if batch:
            return Answer.text(200, "".join(f"{value}\n" for value in values), accept)
        if accept == "application/json":
            return Answer.text(200, json.dumps({"predictions": [{"score": value} for value in values]}), accept)
        if accept == "text/csv":
            return Answer.text(200, "".join(f"{_csv(value)}\n" for value in values), accept)
        # The image accepts jsonlines and recordio, but encodes them only for selectable output.
        return self._crash(f"UnsupportedFormatError: Content type {accept} is not supported by this framework.")

    def _select(self, predictions: NDArray[np.float32], accept: str, *, batch: bool) -> Answer:
        keys = self._environment["SAGEMAKER_INFERENCE_OUTPUT"].replace(" ", "").lower().split(",")
        try:
            selected = select(predictions, keys, self._objective, self._classes)
            return Answer(200, encode_selected(selected, keys, accept, batch=batch), accept)
        except NotEncodable as e:
            return self._fail(500, str(e))

    def _voted(self) -> Answer:
        """With its SciPy version the image gets only the first row's vote, a number, and fails to iterate over it."""
        if "SAGEMAKER_INFERENCE_OUTPUT" in self._environment:
            return self._fail(500, "'numpy.float32' object is not iterable")
        return self._crash("TypeError: 'float' object is not iterable")

    def _crash(self, why: str) -> Answer:
        self._log(why)
        return Answer.text(500, CRASHED)

    def _fail(self, status: int, message: str) -> Answer:
        self._log(message)
        return Answer.text(status, message)


def _load(folder: Path, *, ensemble: bool) -> list[Any]:
    """The booster of every file in the folder's root that is not hidden; raises Unhealthy."""
    import xgboost

    files = sorted(path for path in folder.iterdir() if path.is_file() and not path.name.startswith("."))
    if not files:
        raise Unhealthy("IndexError: list index out of range (the model archive has no file in its root)")
    boosters = []
    for path in files if ensemble else files[:1]:
        booster = xgboost.Booster()
        try:
            booster.load_model(bytearray(path.read_bytes()))
        except (xgboost.core.XGBoostError, ValueError) as e:
            raise Unhealthy(
                f"Model /opt/ml/model/{path.name} cannot be loaded:\n"
                f"Pickle load error=the rehearsal reads no pickles\nXGB load model error={e}"
            ) from e
        booster.set_param("nthread", 1)
        boosters.append(booster)
    return boosters


def _columns_of_trees(booster: Any) -> int | None:
    """How many columns the rows of a model of plain trees have; None for dart and linear models."""
    learner = json.loads(booster.save_config())["learner"]
    if learner["gradient_booster"]["name"] != "gbtree":
        return None
    return int(learner["learner_model_param"]["num_feature"])


def _is_form(content_type: str | None) -> bool:
    """Whether it is a form, which the image's web server parses, so that the body is empty afterwards."""
    kind = media_type(content_type)
    return kind == "application/x-www-form-urlencoded" or (
        kind == "multipart/form-data" and "boundary=" in (content_type or "").lower()
    )


def _csv(value: float | list[float]) -> str:
    return ",".join(map(str, value)) if isinstance(value, list) else str(value)
