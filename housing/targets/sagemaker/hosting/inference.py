"""What a container runs behind `interface: raw`: raw rows in, the label's unit out.

This file is copied into the model's archive as code/inference.py, beside the part of housing that predicts, and runs
there under the framework container's rules for scripts.

    text/csv            rows with a header, or encoded rows without one
    application/json    {"instances": [{column: value}]}, or MLflow's {"dataframe_split": {"columns", "data"}}

Answers are one number a line (Accept: text/csv), or {"predictions": [...]}.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any


def model_fn(model_dir: str) -> Any:
    """Called once, with the archive's folder."""
    sys.path.insert(0, str(Path(model_dir, "code")))
    from housing.training.predictor import Predictor

    return Predictor.load(Path(model_dir, "bundle"))


def transform_fn(predictor: Any, content: str | bytes, content_type: str, accept: str) -> Any:
    """Answer one request; what is wrong with its rows is answered with status 400 and the reason."""
    from housing.errors import DataError

    kind = content_type.partition(";")[0].strip().lower()
    try:
        text = content.decode("utf-8") if isinstance(content, bytes | bytearray) else content
        if kind == "application/json":
            values = predictor.predict_json(text).tolist()
        elif kind in ("text/csv", ""):
            values = predictor.predict_csv(text).tolist()
        else:
            return _refused(415, f"content type {content_type}: send text/csv or application/json")
    except UnicodeDecodeError as error:
        return _refused(400, f"the body is not UTF-8: {error.reason} at byte {error.start}")
    except DataError as error:
        return _refused(400, str(error))
    if accept.partition(";")[0].strip().lower() == "text/csv":
        return "".join(f"{value!r}\n" for value in values), "text/csv"
    return json.dumps({"predictions": values}), "application/json"


def _refused(status: int, reason: str) -> Any:
    """As the server around us takes a refusal: images serve scripts by Flask, or by the model server of MXNet."""
    flask, toolkit = sys.modules.get("flask"), sys.modules.get("sagemaker_inference")
    if toolkit is not None and not (flask is not None and flask.has_request_context()):
        raise toolkit.errors.BaseInferenceToolkitError(status, reason, reason)
    from werkzeug.wrappers import Response

    return Response(reason, status=status, mimetype="text/plain")
