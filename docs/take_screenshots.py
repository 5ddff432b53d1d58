"""Take docs/*.png anew: `python docs/take_screenshots.py`, with housing installed and `chromium` on the path.

Runs a study of 30 trials in a folder of its own, opens what `housing ui` prints in a browser without a window, and
waits until MLflow has drawn it. The browser is driven over a pair of pipes, so the standard library is enough.
"""

from __future__ import annotations

import base64
import itertools
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote, urlencode

DOCS = Path(__file__).parent
STUDY = ("tune", "study=tpe", "study.trials=30")
WIDTH, HEIGHT = 1500, 1240
PATIENCE_S = 90
SETTLES_S = 3
# Drawn charts, and nothing that still turns.
DRAWN = "document.querySelectorAll('.js-plotly-plot .main-svg').length >= {least}"
# A panel that offers a chat covers a quarter of the page until it is closed; charts show their tools without a mouse.
TIDY = """document.head.insertAdjacentHTML('beforeend', '<style>.modebar { display: none }</style>');
[...document.querySelectorAll('button')].filter(
    b => (b.getAttribute('data-component-id') || '').includes('assistant') && /close/i.test(b.outerHTML)
).forEach(b => b.click())"""


def main() -> None:
    with TemporaryDirectory(prefix="housing-screenshots-") as name:
        folder = Path(name)
        study = json.loads(housing(folder, *STUDY, "--json"))
        best = json.loads(housing(folder, "compare", study["name"], "--json"))["runs"]
        with interface(folder) as charts, Browser(folder / "browser") as browser:
            browser.open(charts, until=DRAWN.format(least=3))
            browser.shoot(DOCS / "mlflow-charts.png")
            browser.open(comparison(charts, [run["run_id"] for run in best]), until=DRAWN.format(least=1))
            browser.shoot(DOCS / "mlflow-compare.png")


def housing(folder: Path, *arguments: str) -> str:
    command = (sys.executable, "-m", "housing", *arguments)
    return subprocess.run(command, cwd=folder, check=True, stdout=subprocess.PIPE, text=True).stdout


@contextmanager
def interface(folder: Path) -> Iterator[str]:
    """`housing ui`, and the URL that it prints."""
    command = (sys.executable, "-m", "housing", "ui")
    with subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as ui:
        assert ui.stdout is not None
        try:
            yield next(found[0] for line in ui.stdout if (found := re.search(r"http://\S+", line)))
        finally:
            ui.send_signal(signal.SIGINT)


def comparison(charts: str, runs: list[str]) -> str:
    """MLflow's page that compares these runs, beside the page of charts."""
    server, _, place = charts.partition("/#/")
    # MLflow reads the first two by their places.
    wanted = {"runs": json.dumps(runs), "experiments": json.dumps([place.split("/")[1]])}
    return f"{server}/#/compare-runs?{urlencode(wanted | {'workflowType': 'machine_learning'}, quote_via=quote)}"


class Browser:
    """Chromium without a window, over its DevTools protocol."""

    def __init__(self, profile: Path) -> None:
        to_browser, self._commands = os.pipe()
        self._answers, from_browser = os.pipe()

        def as_3_and_4() -> None:
            # Chromium listens on 3 and talks on 4; the copies keep either from being overwritten by the other.
            ends = os.dup(to_browser), os.dup(from_browser)
            os.dup2(ends[0], 3)
            os.dup2(ends[1], 4)

        flags = "headless no-sandbox disable-gpu disable-quic no-first-run disable-background-networking"
        flags += " disable-component-update disable-sync hide-scrollbars remote-debugging-pipe"
        self._process = subprocess.Popen(
            (
                "chromium",
                *(f"--{flag}" for flag in flags.split()),
                f"--user-data-dir={profile}",
                f"--window-size={WIDTH},{HEIGHT}",
            ),
            preexec_fn=as_3_and_4,  # noqa: PLW1509 - no threads here
            close_fds=False,
            stderr=subprocess.DEVNULL,
        )
        self._numbers = itertools.count(1)
        self._rest = b""
        page = next(t for t in self._ask("Target.getTargets")["targetInfos"] if t["type"] == "page")
        attached = self._ask("Target.attachToTarget", targetId=page["targetId"], flatten=True)
        self._session = {"sessionId": attached["sessionId"]}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self._process.terminate()
        self._process.wait()

    def open(self, url: str, *, until: str) -> None:
        """Load a page, and wait until a condition in JavaScript holds."""
        # Only another path makes the browser load a page whose address differs behind the # alone.
        self._ask("Page.navigate", self._session, url="about:blank")
        self._ask("Page.navigate", self._session, url=url)
        deadline = time.monotonic() + PATIENCE_S
        while not self.evaluate(until):
            if time.monotonic() > deadline:
                raise SystemExit(f"{url}: not drawn within {PATIENCE_S} s")
            time.sleep(0.5)
        self.evaluate(TIDY)
        time.sleep(SETTLES_S)

    def shoot(self, file: Path) -> None:
        """The page as a person sees it."""
        answer = self._ask("Page.captureScreenshot", self._session, format="png")
        file.write_bytes(base64.b64decode(answer["data"]))
        sys.stdout.write(f"{file.name}: {file.stat().st_size / 1000:.0f} kB\n")

    def look_as(self, width: int, scheme: str) -> None:
        """From now on with a window so wide; `scheme` is light, dark or print."""
        size = {"width": width, "height": HEIGHT, "deviceScaleFactor": 1, "mobile": False}
        self._ask("Emulation.setDeviceMetricsOverride", self._session, **size)
        medium = "print" if scheme == "print" else "screen"
        color = {"name": "prefers-color-scheme", "value": "dark" if scheme == "dark" else "light"}
        self._ask("Emulation.setEmulatedMedia", self._session, media=medium, features=[color])

    def evaluate(self, script: str) -> Any:
        """What it gives in the page; a promise's value."""
        answer = self._ask("Runtime.evaluate", self._session, expression=script, awaitPromise=True)
        return answer["result"].get("value")

    def _ask(self, method: str, session: dict[str, str] | None = None, **params: Any) -> dict[str, Any]:
        number = next(self._numbers)
        command = {"id": number, "method": method, "params": params, **(session or {})}
        os.write(self._commands, json.dumps(command).encode() + b"\0")
        while True:
            answer = self._next_answer()
            if answer.get("id") == number:
                return dict(answer["result"])

    def _next_answer(self) -> dict[str, Any]:
        while b"\0" not in self._rest:
            self._rest += os.read(self._answers, 1 << 20)
        first, _, self._rest = self._rest.partition(b"\0")
        return dict(json.loads(first))


if __name__ == "__main__":
    main()
