"""One-row requests to a local endpoint, and to servers that a team would write by hand, in turn and in the same run.

`pip install onnx onnxruntime`, then `python -m benchmarks.peers`. Peers: one process of uvicorn with Starlette and
onnxruntime, and one of gunicorn with Flask and XGBoost. 400 trees of 337 encoded columns, 16 connections.
"""

from __future__ import annotations

import asyncio
import http.client
import os
import socket
import statistics
import subprocess
import sys
import time
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import urlsplit

import numpy as np

from benchmarks import serving
from housing.algorithms.base import find
from housing.algorithms.trees import TreeTables
from housing.deployment.plan import plan, teardown
from housing.deployment.spec import Deployment, Variant
from housing.targets.local.host import LocalHost
from housing.targets.local.settings import Settings
from housing.training.artifact import write_bundle

COLUMNS, CLIENTS, SECONDS, TURNS = 337, 16, 3.0, 3
_MODEL = "models:/price/1"
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


def main() -> None:
    serving.COLUMNS = COLUMNS
    bundle = serving._bundle(400)
    row = ",".join(f"{value:.4g}" for value in np.random.default_rng(0).normal(size=COLUMNS))
    raw = ",".join(f"c{i}" for i in range(COLUMNS)) + "\n" + row
    with TemporaryDirectory() as name:
        folder = Path(name)
        write_bundle(folder / "model", bundle)
        tables = find("xgboost").trees(bundle.model)
        assert tables is not None
        _write_onnx(tables, folder / "model.onnx")
        (folder / "fast.py").write_text(_STARLETTE.format(model=str(folder / "model.onnx")))
        (folder / "plain.py").write_text(_FLASK.format(model=str(folder / "model" / "model.ubj")))
        host = LocalHost(Settings(folder=str(folder / "state")))
        ports = [_free_port(), _free_port()]
        commands = [
            [sys.executable, "-m", "uvicorn", "fast:app", "--port", str(ports[0]), "--no-access-log"],
            [sys.executable, "-m", "gunicorn", "plain:app", "-b", f"127.0.0.1:{ports[1]}", "--threads", "4"],
        ]
        quiet: dict[str, Any] = {"cwd": folder, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        servers = [subprocess.Popen(command, **quiet) for command in commands]
        try:
            for action in plan(Deployment("bench", {"champion": Variant(_MODEL)}), None):
                host.apply(action, {_MODEL: folder / "model"})
            status = host.status("bench")
            assert status is not None
            url = urlsplit(status.url)
            for port in ports:
                _wait_for(port)
            _compare(
                {
                    "uvicorn + starlette + onnxruntime, encoded": (ports[0], "/invocations", row),
                    "gunicorn + flask + xgboost, encoded": (ports[1], "/invocations", row),
                    "housing, encoded": (url.port or 0, url.path, row),
                    "housing, raw": (url.port or 0, url.path, raw),
                }
            )
            _large(url.port or 0, url.path, row)
        finally:
            for server in servers:
                server.terminate()
                server.wait()
            for action in teardown("bench", host.current("bench")):
                host.apply(action, {})


def _compare(asked: dict[str, tuple[int, str, str]]) -> None:
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in asked}
    for _ in range(TURNS):
        for name, (port, path, body) in asked.items():
            found[name].append(asyncio.run(_load(port, path, body.encode())))
    print(f"{CLIENTS} connections, load of the machine {os.getloadavg()[0]:.1f}")
    first = next(iter(asked))
    for name, rounds in found.items():
        rate, p99 = (statistics.median(column) for column in zip(*rounds, strict=True))
        ratio = statistics.median(a / b for (a, _), (b, _) in zip(rounds, found[first], strict=True))
        print(f"{name:44} {rate:6.0f} requests/s  p99 {p99:6.1f} ms  ratio {ratio:.2f}")


def _large(port: int, path: str, row: str) -> None:
    body = "\n".join([row] * 2000).encode()
    seconds = []
    for _ in range(3):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        started = time.perf_counter()
        connection.request("POST", path, body, {"Content-Type": "text/csv"})
        assert connection.getresponse().read().count(b"\n") == 2000
        seconds.append(time.perf_counter() - started)
        connection.close()
    print(f"2,000 encoded rows, {len(body) / 1e6:.1f} MB: {statistics.median(seconds):.2f} s")


async def _load(port: int, path: str, body: bytes) -> tuple[float, float]:
    """Requests a second, and the 99th percentile in milliseconds."""
    head = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: text/csv\r\nContent-Length: {len(body)}\r\n\r\n"
    message, latencies = head.encode() + body, []
    end = time.perf_counter() + SECONDS

    async def client() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        while (started := time.perf_counter()) < end:
            writer.write(message)
            answer = (await reader.readuntil(b"\r\n\r\n")).lower()
            assert b" 200 " in answer, answer
            await reader.readexactly(int(answer.split(b"content-length: ")[1].split(b"\r\n")[0]))
            latencies.append(time.perf_counter() - started)
            if b"connection: close" in answer:
                writer.close()
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.close()

    await asyncio.gather(*(client() for _ in range(CLIENTS)))
    return len(latencies) / SECONDS, statistics.quantiles(latencies, n=100)[98] * 1000


def _write_onnx(tables: TreeTables, path: Path) -> None:
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


if __name__ == "__main__":
    main()
