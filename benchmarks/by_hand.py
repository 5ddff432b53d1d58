"""Servers of one model as a team would write them by hand: what the local endpoint is compared with."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

from housing.algorithms.trees import TreeTables

_STARLETTE = """
import numpy as np, onnxruntime
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route
options = onnxruntime.SessionOptions()
options.intra_op_num_threads = 1
session = onnxruntime.InferenceSession({model!r}, options)
async def predict(request):
    rows = (await request.body()).decode().splitlines()
    matrix = np.array([row.split(",") for row in rows], np.float32)
    return PlainTextResponse("".join(f"{{value}}\\n" for value in session.run(None, {{"x": matrix}})[0][:, 0].tolist()))
app = Starlette(routes=[Route("/invocations", predict, methods=["POST"])])
"""
_FLASK = """
import numpy as np, xgboost
from flask import Flask, request
booster = xgboost.Booster({{"nthread": 1}})
booster.load_model({model!r})
app = Flask(__name__)
@app.post("/invocations")
def predict():
    matrix = np.array([row.split(",") for row in request.get_data().decode().splitlines()], np.float32)
    return "".join(f"{{value}}\\n" for value in booster.inplace_predict(matrix, validate_features=False).tolist())
"""


@contextmanager
def starlette(folder: Path, tables: TreeTables) -> Iterator[tuple[int, int]]:
    """Uvicorn, Starlette and onnxruntime in one process, which it gives, with its port."""
    write_onnx(tables, folder / "model.onnx")
    (folder / "fast.py").write_text(_STARLETTE.format(model=str(folder / "model.onnx")))
    with _served(["uvicorn", "fast:app", "--no-access-log", "--port"], folder) as found:
        yield found


@contextmanager
def flask(folder: Path, model: Path) -> Iterator[tuple[int, int]]:
    """Gunicorn, Flask and XGBoost, as SageMaker's container has them."""
    (folder / "plain.py").write_text(_FLASK.format(model=str(model)))
    with _served(["gunicorn", "plain:app", "--threads", "4", "-b", "127.0.0.1"], folder) as found:
        yield found


@contextmanager
def _served(module: list[str], folder: Path) -> Iterator[tuple[int, int]]:
    port = _free_port()
    *head, last = module
    command = [*head, f"{last}:{port}"] if last[0].isdigit() else [*module, str(port)]
    quiet: dict[str, Any] = {"cwd": folder, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    with subprocess.Popen([sys.executable, "-m", *command], **quiet) as process:
        try:
            _wait_for(port)
            yield process.pid, port
        finally:
            process.terminate()


def write_onnx(tables: TreeTables, path: Path) -> None:
    """The same trees as ONNX has them; its rows here have no missing values."""
    # Not a requirement of the project, so not known to its type checker.
    onnx: Any = import_module("onnx")
    helper, float32 = onnx.helper, onnx.TensorProto.FLOAT
    arrays = tables._arrays
    kids, roots = arrays["kids"] // 2, arrays["roots"] // 2
    ends = [*roots[1:].tolist(), len(kids) // 2]
    nodes: dict[str, list[Any]] = {
        key: [] for key in ("treeids", "nodeids", "featureids", "values", "truenodeids", "falsenodeids", "modes")
    }
    targets: dict[str, list[Any]] = {key: [] for key in ("treeids", "nodeids", "ids", "weights")}
    for tree, (start, end) in enumerate(zip(roots.tolist(), ends, strict=True)):
        for place in range(start, end):
            left, right = kids[2 * place].item() - start, kids[2 * place + 1].item() - start
            is_leaf = left == place - start
            values = (
                tree,
                place - start,
                int(arrays["features"][2 * place]) % tables.width,
                float(arrays["thresholds"][2 * place]),
                0 if is_leaf else left,
                0 if is_leaf else right,
                "LEAF" if is_leaf else "BRANCH_LT",
            )
            for key, value in zip(nodes, values, strict=True):
                nodes[key].append(value)
            if is_leaf:
                leaf = (tree, place - start, 0, float(arrays["values"][2 * place]))
                for key, value in zip(targets, leaf, strict=True):
                    targets[key].append(value)
    node = helper.make_node(
        "TreeEnsembleRegressor",
        ["x"],
        ["y"],
        domain="ai.onnx.ml",
        n_targets=1,
        base_values=list(tables.rule.base),
        **{f"nodes_{key}": values for key, values in nodes.items()},
        **{f"target_{key}": values for key, values in targets.items()},
    )
    graph = helper.make_graph(
        [node],
        "trees",
        [helper.make_tensor_value_info("x", float32, [None, tables.width])],
        [helper.make_tensor_value_info("y", float32, [None, 1])],
    )
    versions = [helper.make_opsetid("ai.onnx.ml", 3), helper.make_opsetid("", 17)]
    onnx.save(helper.make_model(graph, opset_imports=versions, ir_version=9), str(path))


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def _wait_for(port: int) -> None:
    end = time.monotonic() + 60
    while True:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except OSError:
            if time.monotonic() > end:
                raise
            time.sleep(0.1)
        else:
            return
