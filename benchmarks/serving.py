"""One-row requests to a local endpoint, and to servers that a team would write by hand, in turn and in the same run.

`pip install onnx onnxruntime`, and `flask gunicorn` for the second peer; then `python -m benchmarks.serving`: less than
two minutes. 400 trees of 337 encoded columns, 16 connections. Rates depend on what else the machine does, and on the
cores that are left to the clients; the processor's microseconds a request hardly do.
"""

from __future__ import annotations

import asyncio
import http.client
import json
import os
import statistics
import time
from contextlib import ExitStack
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import urlsplit

import numpy as np

from benchmarks import by_hand, changes
from benchmarks.asking import Load, below, load, load_by_two, load_here
from housing.algorithms.registry import find
from housing.algorithms.trees import TreeTables
from housing.deployment.plan import plan, teardown
from housing.deployment.spec import Capture, Deployment, Variant
from housing.targets.local.host import LocalHost
from housing.targets.local.settings import Settings
from housing.training.artifact import write_bundle

COLUMNS, SECONDS, TURNS = 337, 2.0, 3
_MODEL, _OTHER = "models:/price/1", "models:/price/2"
_ONE = Deployment("bench", {"champion": Variant(_MODEL)})
_PEER = "uvicorn + starlette + onnxruntime, encoded"


def main() -> None:
    changes.COLUMNS = COLUMNS
    bundle = changes._bundle(400)
    row = ",".join(f"{value:.4g}" for value in np.random.default_rng(0).normal(size=COLUMNS)).encode()
    raw = ",".join(f"c{i}" for i in range(COLUMNS)).encode() + b"\n" + row
    with TemporaryDirectory() as name, ExitStack() as stack:
        folder = Path(name)
        models = {_MODEL: folder / "model", _OTHER: folder / "other"}
        write_bundle(models[_MODEL], bundle)
        write_bundle(models[_OTHER], changes._bundle(100))
        tables = find("xgboost").compiled(bundle.model)
        assert isinstance(tables, TreeTables)
        host = LocalHost(Settings(folder=str(folder / "state")))
        stack.callback(_destroy, host)
        _deploy(host, _ONE, models)
        status = host.status("bench")
        assert status is not None
        url = urlsplit(status.url)
        pid, port = int(json.loads((folder / "state" / "server.json").read_text())["pid"]), url.port or 0
        asked: dict[str, tuple[int, int, str, bytes]] = {}
        if find_spec("onnxruntime"):
            asked[_PEER] = (*stack.enter_context(by_hand.starlette(folder, tables)), "/invocations", row)
        if find_spec("gunicorn"):
            found = stack.enter_context(by_hand.flask(folder, models[_MODEL] / "model.ubj"))
            asked["gunicorn + flask + xgboost, encoded"] = (*found, "/invocations", row)
        asked["housing, encoded"] = (pid, port, url.path, row)
        asked["housing, raw"] = (pid, port, url.path, raw)
        print(f"load of the machine {os.getloadavg()[0]:.1f}, {os.cpu_count()} cores")
        _compare(asked)
        _capture(host, models, (pid, port, url.path, row))
        _large(port, url.path, row)
        asyncio.run(_large_beside_small(pid, port, url.path, row))
        _memory(host, models, pid)
        two = LocalHost(Settings(folder=str(folder / "two"), processes=2))
        stack.callback(_destroy, two)
        _two_processes(asked, two, models, folder / "two")
        print(f"load of the machine {os.getloadavg()[0]:.1f}")


def _compare(asked: dict[str, tuple[int, int, str, bytes]]) -> None:
    found: dict[str, list[Load]] = {name: [] for name in asked}
    for _ in range(TURNS):
        for name, (pid, port, path, body) in asked.items():
            found[name].append(load(port, path, body, pid=pid, seconds=SECONDS))
    first = next(iter(asked))
    for name, rounds in found.items():
        rate, p99, cpu = (
            statistics.median(getattr(one, key) for one in rounds) for key in ("rate", "p99_ms", "cpu_us")
        )
        ratio = statistics.median(a.rate / b.rate for a, b in zip(rounds, found[first], strict=True))
        by_cpu = statistics.median(b.cpu_us / a.cpu_us for a, b in zip(rounds, found[first], strict=True) if a.cpu_us)
        print(
            f"{name:44} {rate:6.0f} requests/s  p99 {p99:6.1f} ms  ratio {ratio:.2f}"
            f"  | {cpu:5.0f} us of processor  ratio {by_cpu:.2f}"
        )


def _two_processes(
    asked: dict[str, tuple[int, int, str, bytes]], host: LocalHost, models: dict[str, Path], state: Path
) -> None:
    """Beside the others in turn, each with as many processes of clients as it takes to be the limit itself."""
    _deploy(host, _ONE, models)
    status, row = host.status("bench"), asked["housing, encoded"][3]
    assert status is not None
    url = urlsplit(status.url)
    pid = int(json.loads((state / "server.json").read_text())["pid"])
    peer = asked.get(_PEER)
    ratios: list[float] = []
    for _ in range(TURNS):
        of_peer = load(peer[1], peer[2], row, pid=peer[0], seconds=SECONDS) if peer else None
        one = load(*asked["housing, encoded"][1:], pid=asked["housing, encoded"][0], seconds=SECONDS)
        two = load_by_two(url.port or 0, url.path, row, pid=pid, seconds=SECONDS)
        compared = f", the peer's one {of_peer.rate:6.0f}" if of_peer else ""
        ratios += [two.rate / of_peer.rate] if of_peer else []
        print(f"two processes {two.rate:6.0f} requests/s, p99 {two.p99_ms:.1f} ms; one {one.rate:6.0f}{compared}")
    if ratios:
        print(f"two processes to the peer's one: {statistics.median(ratios):.2f} (wanted: 1.5)")
    _memory(host, models, pid)


def _capture(host: LocalHost, models: dict[str, Path], asked: tuple[int, int, str, bytes]) -> None:
    """By turns, because other load on the machine comes and goes."""
    pid, port, path, body = asked
    found: dict[bool, list[Load]] = {False: [], True: []}
    for _ in range(TURNS):
        for captures in (False, True):
            _deploy(host, replace(_ONE, capture=Capture(100) if captures else None), models)
            found[captures].append(load(port, path, body, pid=pid, seconds=SECONDS))
    pairs = list(zip(found[True], found[False], strict=True))
    rate = statistics.median(a.rate / b.rate for a, b in pairs)
    cpu = statistics.median(a.cpu_us / b.cpu_us for a, b in pairs)
    print(f"with everything captured: {rate:.2f} of the requests, {cpu:.2f} of the processor (wanted: at most 1.10)")


def _large(port: int, path: str, row: bytes) -> None:
    body = b"\n".join([row] * 2000)
    seconds = [_seconds_of(port, path, body, 2000) for _ in range(5)]
    print(f"2,000 encoded rows, {len(body) / 1e6:.1f} MB: {statistics.median(seconds):.3f} s (wanted: under 0.15)")


def _seconds_of(port: int, path: str, body: bytes, rows: int) -> float:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    started = time.perf_counter()
    connection.request("POST", path, body, {"Content-Type": "text/csv"})
    assert connection.getresponse().read().count(b"\n") == rows
    connection.close()
    return time.perf_counter() - started


async def _large_beside_small(pid: int, port: int, path: str, row: bytes) -> None:
    """As large as a request may be, one after another, while four clients ask for one row each."""
    rows = 6_000_000 // (len(row) + 1)
    body, seconds = b"\n".join([row] * rows), []
    small = asyncio.create_task(load_here(port, path, row, pid=pid, seconds=3.0, connections=4))
    while not small.done():
        seconds.append(await asyncio.to_thread(_seconds_of, port, path, body, rows))
    p99 = (await small).p99_ms
    print(
        f"6 MB, one after another: {statistics.median(seconds):.2f} s (wanted: under 1); "
        f"one-row requests meanwhile: p99 {p99:.1f} ms (wanted: under 10)"
    )


def _memory(host: LocalHost, models: dict[str, Path], pid: int) -> None:
    two = Deployment("bench", {"champion": Variant(_MODEL, weight=9), "challenger": Variant(_OTHER, weight=1)})
    _deploy(host, two, models)
    shares = {one: _pss_mb(one) for one in [pid, *below(pid)]}
    told = " + ".join(f"{share:.0f}" for share in shares.values())
    print(f"memory with two variants: {told} = {sum(shares.values()):.0f} MB (wanted: under 250)")


def _pss_mb(pid: int) -> float:
    """Its own memory, and its part of what it shares."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1024


def _deploy(host: LocalHost, wanted: Deployment, models: dict[str, Path]) -> None:
    for action in plan(wanted, host.current("bench")):
        host.apply(action, models)


def _destroy(host: LocalHost) -> None:
    nothing: dict[str, Any] = {}
    for action in teardown("bench", host.current("bench")):
        host.apply(action, nothing)


if __name__ == "__main__":
    main()
