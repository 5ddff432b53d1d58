"""The program of a container with `interface: raw`: raw rows in, predictions out.

This file is copied into the model's archive as code/inference.py, beside the part of housing that predicts, and runs
there under the framework container's rules for scripts.

    text/csv                 rows with a header, or encoded rows without one
    application/json         rows in any of the forms of housing.data.json_rows
    application/jsonlines    {column: value} per line

Answers are one number per line (Accept: text/csv or application/jsonlines), or {"predictions": [...]}. For a label with
levels: the level and then the probability of each, or {"prediction": ..., "probabilities": {...}}. Parameters of the
content type request more: `text/csv; interval=0.9; explain=5`.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any


def model_fn(model_dir: str) -> Any:
    """Load the model; called once, with the archive's folder."""
    sys.path.insert(0, str(Path(model_dir, "code")))
    from housing.training.predictor import Predictor

    return Predictor.load(Path(model_dir, "bundle"))


def transform_fn(predictor: Any, content: str | bytes, content_type: str, accept: str) -> Any:
    """Answer one request; invalid rows are answered with status 400 and the reason."""
    from housing.data.answers import write
    from housing.data.content_type import CSV, FORMS, JSON, JSON_LINES, form_of
    from housing.data.extras import asked_beside_rows, asked_in
    from housing.errors import DataError

    form = form_of(content_type or CSV)
    if form is None:
        return _refused(415, f"content type {content_type}: send {', '.join(FORMS)}, in UTF-8")
    body = content.encode() if isinstance(content, str) else bytes(content)
    wanted = accept.partition(";")[0].strip().lower()
    answered = wanted if wanted in (CSV, JSON_LINES) else JSON
    try:
        if parameters := asked_in(content_type or CSV) or (asked_beside_rows(body) if form == JSON else ""):
            return predictor.detailed_body(body, form, parameters).write(answered), answered
        predictions = predictor.predict_body(body, form)
    except DataError as error:
        return _refused(400, str(error))
    return write(predictions, predictor.encoder.label_levels, answered), answered


def _refused(status: int, reason: str) -> Any:
    """A refusal in the form of the server that runs this file: Flask, or MXNet's model server."""
    flask, toolkit = sys.modules.get("flask"), sys.modules.get("sagemaker_inference")
    if toolkit is not None and not (flask is not None and flask.has_request_context()):
        raise toolkit.errors.BaseInferenceToolkitError(status, reason, reason)
    from werkzeug.wrappers import Response

    return Response(reason, status=status, mimetype="text/plain")
