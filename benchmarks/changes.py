"""One endpoint under load: 10,000 requests of one row from 16 clients, through two weight changes and a model swap.

Then the same without changes, by turns with capture and without it.
"""

from __future__ import annotations

import asyncio
import math
import statistics
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import urlsplit

import numpy as np

from housing.algorithms.registry import fitting
from housing.data.encoder import Encoder
from housing.data.inputs import Number
from housing.deployment.plan import plan, teardown
from housing.deployment.spec import Capture, Deployment, Variant
from housing.targets.local.host import LocalHost
from housing.targets.local.settings import Settings
from housing.training.artifact import Bundle, write_bundle

REQUESTS, CLIENTS, COLUMNS, TURNS = 10_000, 16, 79, 3
_OLD, _NEW = "models:/price/1", "models:/price/2"
_STEPS = (
    Deployment("bench", {"champion": Variant(_OLD, weight=9), "challenger": Variant(_NEW, weight=1)}),
    Deployment("bench", {"champion": Variant(_OLD, weight=1), "challenger": Variant(_NEW, weight=1)}),
    Deployment("bench", {"champion": Variant(_OLD, weight=1), "challenger": Variant(_NEW, weight=9)}),
    Deployment("bench", {"champion": Variant(_NEW, weight=1), "challenger": Variant(_NEW, weight=9)}),
)


def main() -> None:
    with TemporaryDirectory() as name:
        folder = Path(name)
        models = {_OLD: folder / "old", _NEW: folder / "new"}
        write_bundle(models[_OLD], _bundle(rounds=100))
        write_bundle(models[_NEW], _bundle(rounds=400))
        host = LocalHost(Settings(folder=str(folder / "state")))
        try:
            started = time.perf_counter()
            _deploy(host, _STEPS[0], models)
            print(f"first deployment, with the server's start: {time.perf_counter() - started:.2f} s")
            asyncio.run(_load(host, models))
            _capture(host, models)
        finally:
            for action in teardown("bench", host.current("bench")):
                host.apply(action, {})


async def _load(host: LocalHost, models: Mapping[str, Path]) -> None:
    """Each step gets a quarter of the requests; those that arrive while it is taken count for neither side's share."""
    status = host.status("bench")
    assert status is not None
    url = urlsplit(status.url)
    answers: list[tuple[int, str, int, float]] = []
    state = {"step": 0}
    started = time.perf_counter()
    clients = [asyncio.create_task(_client(url.port or 0, url.path, answers, state, seed)) for seed in range(CLIENTS)]
    for number, wanted in enumerate(_STEPS[1:], 1):
        while len(answers) < REQUESTS * number // len(_STEPS):
            await asyncio.sleep(0.01)
        state["step"] = -1
        await asyncio.to_thread(_deploy, host, wanted, models)
        state["step"] = number
    await asyncio.gather(*clients)
    seconds = time.perf_counter() - started
    _report(answers, seconds)


def _capture(host: LocalHost, models: Mapping[str, Path]) -> None:
    """By turns, because other load on the machine comes and goes."""
    plain = Deployment("bench", {"champion": Variant(_OLD)})
    status = host.status("bench")
    assert status is not None
    url = urlsplit(status.url)

    async def load() -> float:
        answers: list[tuple[int, str, int, float]] = []
        started = time.perf_counter()
        clients = (_client(url.port or 0, url.path, answers, {"step": 0}, seed) for seed in range(CLIENTS))
        await asyncio.gather(*clients)
        return len(answers) / (time.perf_counter() - started)

    rates: dict[bool, list[float]] = {False: [], True: []}
    for turn in range(2 * TURNS):
        captures = turn % 2 == 1
        _deploy(host, replace(plain, capture=Capture(100) if captures else None), models)
        rates[captures].append(asyncio.run(load()))
    without, with_capture = (statistics.median(rates[captures]) for captures in (False, True))
    print(f"capture: {without:.0f} requests/s without, {with_capture:.0f} with all of them kept")


async def _client(
    port: int, path: str, answers: list[tuple[int, str, int, float]], state: dict[str, int], seed: int
) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    row = ",".join(f"{value:.1f}" for value in np.random.default_rng(seed).normal(size=COLUMNS))
    body = f"{','.join(f'c{i}' for i in range(COLUMNS))}\n{row}\n".encode()
    head = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: text/csv\r\nContent-Length: {len(body)}\r\n\r\n"
    message = head.encode() + body
    while len(answers) < REQUESTS:
        step, started = state["step"], time.perf_counter()
        writer.write(message)
        lines = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        headers = dict(line.lower().split(": ", 1) for line in lines[1:-2])
        await reader.readexactly(int(headers["content-length"]))
        step = step if step == state["step"] else -1
        variant = headers.get("x-amzn-invoked-production-variant", "")
        answers.append((step, variant, int(lines[0].split()[1]), time.perf_counter() - started))
    writer.close()
    await writer.wait_closed()


def _report(answers: list[tuple[int, str, int, float]], seconds: float) -> None:
    failed = sum(status != 200 for _, _, status, _ in answers)
    milliseconds = [1000 * latency for *_, latency in answers]
    percentiles = statistics.quantiles(milliseconds, n=100)
    print(
        f"{len(answers)} requests, {CLIENTS} clients: {failed} failed, {len(answers) / seconds:.0f} requests/s, "
        f"p50 {percentiles[49]:.1f} ms, p99 {percentiles[98]:.1f} ms"
    )
    for number, deployment in enumerate(_STEPS):
        counts = Counter(variant for step, variant, _, _ in answers if step == number)
        share = deployment.shares()["champion"]
        total = counts.total()
        expected = total * share
        chi_square = (counts["champion"] - expected) ** 2 / (total * share * (1 - share))
        # The chi-square distribution with one degree of freedom.
        p = math.erfc(math.sqrt(chi_square / 2))
        print(f"  step {number}: champion {counts['champion']} of {total}, wanted {share:.0%}, p = {p:.3f}")


def _deploy(host: LocalHost, wanted: Deployment, models: Mapping[str, Path]) -> None:
    for action in plan(wanted, host.current("bench")):
        host.apply(action, models)


def _bundle(rounds: int) -> Bundle:
    names = [f"c{i}" for i in range(COLUMNS)]
    encoder = Encoder(
        label="y",
        label_unit="",
        label_transform="none",
        missing_values=(),
        inputs=tuple(Number(name, missing="unknown") for name in names),
        derived={},
    )
    random = np.random.default_rng(0)
    features = random.normal(size=(1000, COLUMNS)).astype(np.float32)
    label = features.sum(axis=1)
    hyperparameters = {"num_round": rounds, "max_depth": 5}
    algorithm = fitting("xgboost")
    model = algorithm.fit(hyperparameters, algorithm.matrix(features, label, hyperparameters), seed=0).model
    return Bundle(algorithm="xgboost", model=model, model_format="ubj", encoder=encoder.to_json())


if __name__ == "__main__":
    main()
