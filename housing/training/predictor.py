"""Raw rows in, predictions out: a fitted model and the encoder it was trained with, from one folder.

The registry's model, the local server and the promotion gate all use it, so that training and serving cannot differ.
Imports neither MLflow nor pandas: a server worker has one of these and little else.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from housing.algorithms.registry import find
from housing.data.content_type import CSV, JSON, JSON_LINES
from housing.data.encoder import Encoder
from housing.data.extras import Extras, extras_of
from housing.data.json_rows import records_from_json, records_from_json_lines
from housing.data.plain_rows import PlainRows
from housing.data.table import Table
from housing.errors import DataError
from housing.training.bundle_files import BUNDLE_FILE, ENCODER_FILE

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from housing.tasks.predictions import Predictions
    from housing.training.detailed import Detailed


class Predictor:
    """Thread-safe. Rows that cannot be read raise DataError with the row and the reason."""

    def __init__(self, model: Any, encoder: Encoder) -> None:
        self.model = model
        self.encoder = encoder
        self._plain = PlainRows(encoder)

    @classmethod
    def load(cls, folder: Path) -> Predictor:
        """From `bundle.json`, the model file it names and `encoder.json`; raises DataError if one is invalid."""
        try:
            bundle = json.loads((folder / BUNDLE_FILE).read_text(encoding="utf-8"))
            encoder = Encoder.from_json((folder / ENCODER_FILE).read_text(encoding="utf-8"))
            model = find(bundle["algorithm"]).load((folder / bundle["model_file"]).read_bytes())
        except (OSError, ValueError, KeyError, TypeError, ModuleNotFoundError) as e:
            raise DataError(f"{folder} is not a whole model bundle: {e}") from e
        return cls(model, encoder)

    def predict_columns(self, columns: Mapping[str, Any]) -> Predictions:
        """Answer raw columns by name, of equal length; extra ones are ignored. A large table is answered in blocks."""
        required = self.encoder.required
        if not isinstance(columns, Table) or any(name not in columns for name in required) or not columns.rows:
            return self._answer(self.encoder.transform(columns))
        outputs = [self.model.predict(self.encoder.transform(block)) for block in columns.blocks(required)]
        return self.encoder.decode(outputs[0] if len(outputs) == 1 else _one_below_other(outputs))

    def predict_records(self, records: Sequence[Mapping[str, object]]) -> Predictions:
        """Answer raw rows as mappings, one per row."""
        return self._answer(self.encoder.transform(self.encoder.rows_from_records(records)))

    def predict_body(self, body: bytes, form: str) -> Predictions:
        """Answer a request body in UTF-8, in one of `content_type.FORMS`."""
        if (matrix := self._plain.matrix(body, form)) is not None:
            return self._answer(matrix)
        text = _text(body)
        return {CSV: self.predict_csv, JSON: self.predict_json, JSON_LINES: self.predict_json_lines}[form](text)

    def detailed_body(self, body: bytes, form: str, parameters: str) -> Detailed:
        """The same, with what the parameters of its content type request: see `data.extras`.

        Raises DataError also for more rows than can be explained in one request.
        """
        from housing.training.detailed import detailed

        text, extras = _text(body), extras_of(parameters)
        columns: Mapping[str, Any] | None = None
        if form == CSV and self.encoder.is_encoded(text):
            matrix = self.encoder.encoded_from_csv(text)
        else:
            if form == CSV:
                columns = self.encoder.rows_from_csv(text)
            else:
                read = {JSON: records_from_json, JSON_LINES: records_from_json_lines}[form]
                columns = self.encoder.rows_from_records(read(text))
            matrix = self.encoder.transform(columns)
        extras.refuse_too_many(len(matrix))
        return detailed(self.model, self.encoder, matrix, columns, extras)

    def detailed_columns(self, columns: Mapping[str, Any], extras: Extras) -> Detailed:
        """Answer raw columns by name, with the requested extras."""
        from housing.training.detailed import detailed

        return detailed(self.model, self.encoder, self.encoder.transform(columns), columns, extras)

    def predict_json(self, text: str) -> Predictions:
        """Answer raw rows as JSON, in one of the forms of `json_rows`."""
        return self.predict_records(records_from_json(text))

    def predict_json_lines(self, text: str) -> Predictions:
        """Answer raw rows as JSON objects, one per line."""
        return self.predict_records(records_from_json_lines(text))

    def predict_csv(self, text: str) -> Predictions:
        """Answer raw rows with a header, or encoded rows without one."""
        if self.encoder.is_encoded(text):
            return self._answer(self.encoder.encoded_from_csv(text))
        return self._answer(self.encoder.transform(self.encoder.rows_from_csv(text)))

    def predict_encoded(self, matrix: NDArray[np.float32]) -> Predictions:
        """Answer encoded rows (rows, columns)."""
        return self._answer(matrix)

    def _answer(self, matrix: NDArray[np.float32]) -> Predictions:
        return self.encoder.decode(self.model.predict(matrix))


def _one_below_other(outputs: list[Any]) -> NDArray[Any]:
    import numpy as np

    return np.concatenate(outputs)


def _text(body: bytes) -> str:
    try:
        return body.decode("utf-8")
    except UnicodeDecodeError as e:
        raise DataError(f"the body is not UTF-8: {e.reason} at byte {e.start}") from e
