"""Where an endpoint's time goes: its server's stack, a hundred times a second, while 16 clients ask for a row each.

400 trees of 337 encoded columns, as in `benchmarks.serving`. Samples in which the server waits for requests are left
out, so a stage's share is of the time that it works, with caches as cold as they are in service; microseconds are that
share of the processor's time a request, measured beforehand. FILE gets a flame graph of the same.

    pip install py-spy
    python -m benchmarks.stages [FILE.svg]
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import urlsplit

import numpy as np

from benchmarks import changes, serving
from benchmarks.asking import load
from housing.targets.local.host import LocalHost
from housing.targets.local.settings import Settings
from housing.training.artifact import write_bundle

SECONDS, RATE = 30, 100
_WAITS = re.compile("epoll_p?wait|_queue_SimpleQueue_get")
_STAGES = {
    "text to numbers": re.compile(r"plain_numbers\.py|plain_rows\.py"),
    "from the roots to the leaves": re.compile(r"tree_walks\.py"),
    "leaves summed, link": re.compile(r"trees\.py"),
    "other work of the predictor, numbers to text": re.compile(r"answering\.py|predictor\.py|answers\.py|encoder\.py"),
    "whether the model answers here, counts, latency": re.compile(
        r"local/(endpoint|served|immediate|request_counts)\.py"
    ),
    "system: sending": re.compile("^(write|writev|send|sendmsg) "),
    "system: receiving": re.compile("^(read|readv|recv|recvmsg) "),
    "protocol": re.compile(r"local/(direct|http)\.py|httptools"),
    "event loop": re.compile("uv__?|Loop|run_forever|asyncio"),
}


def main() -> None:
    changes.COLUMNS = serving.COLUMNS
    row = ",".join(f"{value:.4g}" for value in np.random.default_rng(0).normal(size=serving.COLUMNS)).encode()
    with TemporaryDirectory() as name, ExitStack() as stack:
        folder = Path(name)
        models = {serving._MODEL: folder / "model"}
        write_bundle(models[serving._MODEL], changes._bundle(400))
        host = LocalHost(Settings(folder=str(folder / "state")))
        stack.callback(serving._destroy, host)
        serving._deploy(host, serving._ONE, models)
        status = host.status("bench")
        assert status is not None
        url = urlsplit(status.url)
        pid = int(json.loads((folder / "state" / "server.json").read_text())["pid"])

        def ask(seconds: float) -> float:
            return load(url.port or 0, url.path, row, pid=pid, seconds=seconds).cpu_us

        alone_us = ask(3)
        stacks = folder / "stacks.txt"
        _watched(pid, stacks, "raw", ask)
        if len(sys.argv) > 1:
            _watched(pid, Path(sys.argv[1]).resolve(), "flamegraph", ask)
        _report(by_stage(stacks.read_text()), alone_us)


def _watched(pid: int, file: Path, form: str, ask: Callable[[float], object]) -> None:
    spy = ["py-spy", "record", "--native", "--pid", str(pid), "--rate", str(RATE), "--duration", str(SECONDS)]
    with subprocess.Popen(
        [*spy, "--format", form, "--output", str(file)], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    ) as process:
        ask(SECONDS + 1)
        _, told = process.communicate()
    if process.returncode:
        raise SystemExit(told)


def by_stage(stacks: str) -> Counter[str]:
    """Samples by stage, of lines of frames from the outermost to the innermost: the innermost that is known decides."""
    found: Counter[str] = Counter()
    for line in stacks.splitlines():
        frames, _, samples = line.rpartition(" ")
        if not _WAITS.search(frames):
            found[_stage(frames.split(";"))] += int(samples)
    return found


def _stage(frames: list[str]) -> str:
    for frame in reversed(frames):
        for name, known in _STAGES.items():
            if known.search(frame):
                return name
    return "other threads"


def _report(found: Counter[str], request_us: float) -> None:
    total = found.total()
    print(f"{total:,} samples at work; load of the machine {os.getloadavg()[0]:.1f}\n")
    print("| stage | share | us |\n|---|---|---|")
    for name in [*_STAGES, "other threads"]:
        print(f"| {name} | {found[name] / total:.1%} | {request_us * found[name] / total:.0f} |")
    print(f"| **request** | | **{request_us:.0f}** |")


if __name__ == "__main__":
    main()
