"""The process in which a script serves: what SageMaker's framework images do around a user's inference module.

Run as a program with a JSON object of settings; it communicates through the socket `channel`. It imports nothing of
ours in the usual way, because a script must be able to import here only what it can import on SageMaker.
"""

from __future__ import annotations

import csv
import importlib
import importlib.util
import io
import json
import os
import sys
import traceback
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from types import ModuleType
from typing import Any

_JSON = "application/json"
_CSV = "text/csv"
_NPY = "application/x-npy"
_UTF8 = (_JSON, _CSV)
_HTML = "text/html; charset=utf-8"


class UnsupportedFormatError(Exception):
    """A content type that the defaults do not know."""

    def __init__(self, content_type: str) -> None:
        super().__init__(f"Content type {content_type} is not supported by this framework.")


def main(settings: dict[str, Any]) -> None:
    channel = Connection(settings["channel"])
    sys.path[:] = [settings["code"], *(path for path in sys.path if path), *settings["libraries"]]
    try:
        serve = _service(settings)
    except BaseException:
        traceback.print_exc()
        channel.send_bytes(json.dumps({"ready": False}).encode())
        raise SystemExit(1) from None
    channel.send_bytes(json.dumps({"ready": True}).encode())
    while True:
        try:
            request = json.loads(channel.recv_bytes())
            body = channel.recv_bytes()
        except EOFError:
            return
        status, kind, answer = serve(body, request["content_type"], request["accept"])
        channel.send_bytes(json.dumps({"status": status, "content_type": kind}).encode())
        channel.send_bytes(answer)


def _service(settings: dict[str, Any]) -> Callable[[bytes, str | None, str | None], tuple[int, str, bytes]]:
    """Import the module and load the model, as a worker of the image's web server does before it answers /ping."""
    module = importlib.import_module(settings["module"])
    decode = _decode_rows(settings["formats"]) if settings["framework"] == "xgboost" else _decode
    transform = _transform(module, decode, xgboost=settings["framework"] == "xgboost")
    if not hasattr(module, "model_fn"):
        raise NotImplementedError(
            "Please provide a model_fn implementation.\n"
            "See documentation for model_fn at https://github.com/aws/sagemaker-python-sdk"
        )
    model = module.model_fn(settings["model"])

    def serve(body: bytes, content_type: str | None, accept: str | None) -> tuple[int, str, bytes]:
        content_type = content_type or _JSON
        if not accept or accept == "*/*":
            accept = os.environ.get("SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT", _JSON)
        try:
            content = body.decode("utf-8") if content_type in _UTF8 else body
            return transform(model, content, content_type, accept)
        except Exception:
            traceback.print_exc()
            return 500, _HTML, settings["crashed"].encode()

    return serve


def _transform(
    module: ModuleType, decode: Callable[[Any, str], Any], *, xgboost: bool
) -> Callable[[Any, Any, str, str], tuple[int, str, bytes]]:
    names = ("input_fn", "predict_fn", "output_fn")
    whole = getattr(module, "transform_fn", None)
    if whole is not None:
        if any(hasattr(module, name) for name in names):
            raise ValueError("Cannot use transform_fn implementation with input_fn, predict_fn, and/or output_fn")
        return lambda model, content, kind, accept: _response(whole(model, content, kind, accept))
    read = getattr(module, "input_fn", decode)
    predict = getattr(module, "predict_fn", _predict_rows if xgboost else _predict)
    write = getattr(module, "output_fn", lambda prediction, accept: (_encode(prediction, accept), accept))

    def transform(model: Any, content: Any, content_type: str, accept: str) -> tuple[int, str, bytes]:
        try:
            rows = read(content, content_type)
        except UnsupportedFormatError as e:
            return _unsupported(e, 415)
        prediction = predict(rows, model)
        try:
            return _response(write(prediction, accept))
        except UnsupportedFormatError as e:
            return _unsupported(e, 406)

    return transform


def _response(result: Any) -> tuple[int, str, bytes]:
    """What Flask makes of a function's result: a tuple includes the content type, plain text is sent as HTML.

    A Werkzeug response, with a status of the script's choice, is sent unchanged.
    """
    if hasattr(result, "status_code") and hasattr(result, "get_data"):
        return int(result.status_code), str(result.content_type), result.get_data()
    body, kind = result if isinstance(result, tuple) else (result, _HTML)
    if not isinstance(body, str | bytes | bytearray):
        raise TypeError(
            f"The view function did not return a valid response: the return type must be a string or bytes, "
            f"but it was a {type(body).__name__}."
        )
    return 200, str(kind), body.encode() if isinstance(body, str) else bytes(body)


def _unsupported(error: UnsupportedFormatError, status: int) -> tuple[int, str, bytes]:
    about = {"error": type(error).__name__, "error-message": str(error), "stack-trace": traceback.format_exc()}
    return status, _JSON, json.dumps(about).encode()


def _predict(rows: Any, model: Any) -> Any:
    return model.predict(rows)


def _predict_rows(rows: Any, model: Any) -> Any:
    return model.predict(rows, validate_features=False)


def _decode_rows(formats: str) -> Callable[[Any, str], Any]:
    """The XGBoost image's default: rows as a DMatrix."""
    spec = importlib.util.spec_from_file_location("_request_formats", formats)
    assert spec is not None and spec.loader is not None
    known = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(known)

    def decode(content: Any, content_type: str) -> Any:
        try:
            return known.decode(content.encode() if isinstance(content, str) else content, content_type)
        except known.UnknownType as error:
            raise UnsupportedFormatError(str(error)) from None

    return decode


def _decode(content: Any, content_type: str) -> Any:
    """The default of the other images: an array."""
    import numpy as np

    if content_type == _NPY:
        return np.load(io.BytesIO(content), allow_pickle=False)
    if content_type == _JSON:
        return np.array(json.loads(content)).astype(np.float32)
    if content_type == _CSV:
        return np.array(list(csv.reader(io.StringIO(content), strict=True))).squeeze().astype(np.float32)
    raise UnsupportedFormatError(content_type)


def _encode(prediction: Any, accept: str) -> str | bytes:
    import numpy as np

    if accept == _NPY:
        buffer = io.BytesIO()
        np.save(buffer, np.asarray(prediction))
        return buffer.getvalue()
    if accept == _JSON:
        return json.dumps(prediction, default=lambda value: value.tolist())
    if accept == _CSV:
        table = np.array(prediction)
        stream = io.StringIO()
        csv.writer(stream, lineterminator="\n").writerows(table.reshape(-1, 1) if table.ndim == 1 else table)
        return stream.getvalue()
    raise UnsupportedFormatError(accept)


if __name__ == "__main__":
    given = json.loads(sys.argv[1])
    sys.path.pop(0)  # this file's folder: the script must not import its modules
    sys.argv = [str(Path(given["code"]) / given["module"])]
    main(given)
