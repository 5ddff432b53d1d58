"""One-row requests to an endpoint at a rehearsed SageMaker, and to gunicorn + flask + XGBoost, in turn in the same run.

The same model (400 trees of 337 encoded columns) and the same row, from one connection and from 16. The rehearsal's
requests are InvokeEndpoint as a whole: the signature is checked, a variant chosen, the built-in container's answer
written, and the call counted. The peer does nothing but answer. Both must answer with the same digits.

    pip install flask gunicorn
    python -m benchmarks.containers
"""

from __future__ import annotations

import http.client
import os
import statistics
from contextlib import ExitStack
from typing import TYPE_CHECKING, cast
from urllib.parse import urlsplit

import numpy as np
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from benchmarks import by_hand, changes
from benchmarks.asking import Load, load
from benchmarks.rehearsed import Project, hold, project
from housing.rehearsal.process import credentials_of
from tests.rehearsal.serving.shop import Shop, variant

if TYPE_CHECKING:
    from tests.rehearsal.conftest import Served

COLUMNS, ROUNDS, SECONDS, TURNS = 337, 400, 2.0, 5
_FIGURES = ("rate", "p50_ms", "p99_ms", "cpu_us")


def main() -> None:
    changes.COLUMNS = COLUMNS
    model = changes._bundle(ROUNDS).model
    row = ",".join(f"{value:.4g}" for value in np.random.default_rng(0).normal(size=COLUMNS)).encode()
    with project() as there, ExitStack() as stack:
        (there.folder / "model.ubj").write_bytes(model)
        peer, port = stack.enter_context(by_hand.flask(there.folder, there.folder / "model.ubj"))
        shop = Shop(cast("Served", there))
        endpoint = shop.endpoint(variant(shop.model_of({"xgboost-model": model})))
        path = f"/endpoints/{endpoint}/invocations"
        asked: dict[str, tuple[int, int, str, dict[str, str]]] = {
            "gunicorn + flask + xgboost": (peer, port, "/invocations", {}),
            "InvokeEndpoint": (
                there.address.pid,
                urlsplit(there.address.url).port or 0,
                path,
                _signed(there, path, row),
            ),
        }
        answers = {name: _answer(port, path, row, more) for name, (_, port, path, more) in asked.items()}
        hold(len(set(answers.values())) == 1, f"different answers: {answers}")
        print(f"load of the machine {os.getloadavg()[0]:.1f}, {os.cpu_count()} cores")
        for connections in (1, 16):
            _compare(asked, row, connections)


def _compare(asked: dict[str, tuple[int, int, str, dict[str, str]]], row: bytes, connections: int) -> None:
    found: dict[str, list[Load]] = {name: [] for name in asked}
    for _ in range(TURNS):
        for name, (pid, port, path, headers) in asked.items():
            found[name].append(
                load(port, path, row, pid=pid, seconds=SECONDS, connections=connections, headers=headers)
            )
    first = next(iter(asked))
    for name, rounds in found.items():
        pairs = list(zip(rounds, found[first], strict=True))
        ratio = statistics.median(a.rate / b.rate for a, b in pairs)
        by_cpu = statistics.median(b.cpu_us / a.cpu_us for a, b in pairs)
        rate, p50, p99, cpu = (statistics.median(getattr(one, key) for one in rounds) for key in _FIGURES)
        print(
            f"{connections:2} connections, {name:28} {rate:5.0f} requests/s  p50 {p50:5.1f} ms  p99 {p99:5.1f} ms  "
            f"ratio {ratio:.2f}  | {cpu:5.0f} us of processor  ratio {by_cpu:.2f}",
            flush=True,
        )


def _answer(port: int, path: str, row: bytes, headers: dict[str, str]) -> bytes:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request("POST", path, row, {"Host": "127.0.0.1", "Content-Type": "text/csv"} | headers)
    answer = connection.getresponse()
    content = answer.read()
    connection.close()
    hold(answer.status == 200, f"{path}: {answer.status} {content!r}")
    return content.strip()


def _signed(there: Project, path: str, row: bytes) -> dict[str, str]:
    """The headers that AWS's clients add; the same row may be sent with them for five minutes."""
    request = AWSRequest("POST", f"http://127.0.0.1{path}", {"Content-Type": "text/csv"}, row)
    account = credentials_of(there.rehearsal)
    keys = Credentials(account.access_key, account.secret_key)
    SigV4Auth(keys, "sagemaker", there.address.region).add_auth(request)
    return {name: str(request.headers[name]) for name in ("X-Amz-Date", "Authorization")}


if __name__ == "__main__":
    main()
