"""Sends a container's log to CloudWatch, and the metrics found in its lines."""

from __future__ import annotations

import math
import re
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from housing.rehearsal.aws.log_stream import LogStream

if TYPE_CHECKING:
    from housing.rehearsal.context import Context

GROUP = "/aws/sagemaker/TrainingJobs"
_EVERY_S = 0.1
_MOST_METRICS = 500  # in one call; CloudWatch takes 1,000


class TrainingLog:
    """One stream, `<job>/<host>-<milliseconds>`; for one thread.

    `definitions` are MetricDefinitions. `rounds` counts the lines that contained a metric.
    """

    def __init__(self, context: Context, job: str, definitions: Sequence[Mapping[str, str]], host: str) -> None:
        self._cloudwatch = context.client("cloudwatch")
        self._job = job
        self._unsent_metrics: list[dict[str, Any]] = []
        self._metrics_of = _reader(definitions)
        self._stream = LogStream(context, GROUP, f"{job}/{host}-{int(time.time() * 1000)}")
        self._unsent_lines: list[dict[str, Any]] = []
        self._sent = time.monotonic()
        self._last: dict[str, dict[str, Any]] = {}
        self._history: dict[str, list[float]] = {}
        self.rounds = 0

    @property
    def metrics(self) -> list[dict[str, Any]]:
        """The last value of each metric, as in FinalMetricDataList."""
        return list(self._last.values())

    def history(self, metric: str) -> list[float]:
        """All values of a metric so far."""
        return list(self._history.get(metric, ()))

    def take(self, lines: Iterable[str]) -> None:
        now = time.time()
        for line in lines:
            # The agent on SageMaker's machines writes control characters as octal numbers: a tab is #011.
            shown = re.sub(r"[\x00-\x1f]", lambda found: f"#{ord(found[0]):03o}", line)
            self._unsent_lines.append({"timestamp": int(now * 1000), "message": shown or " "})
            found = self._metrics_of(shown)
            self.rounds += bool(found)
            for name, value in found:
                self._history.setdefault(name, []).append(value)
                self._last[name] = {"MetricName": name, "Value": value, "Timestamp": now}
                self._unsent_metrics.append(self._last[name])

    def due(self) -> bool:
        return bool(self._unsent_lines) and time.monotonic() - self._sent > _EVERY_S

    def send(self) -> None:
        if not self._unsent_lines:
            return
        self._stream.write(self._unsent_lines)
        self._unsent_lines = []
        self._sent = time.monotonic()
        self._send_metrics()

    def _send_metrics(self) -> None:
        dimensions = [{"Name": "TrainingJobName", "Value": self._job}]
        told = [{**metric, "Dimensions": dimensions} for metric in self._unsent_metrics]
        for start in range(0, len(told), _MOST_METRICS):
            self._cloudwatch.put_metric_data(Namespace=GROUP, MetricData=told[start : start + _MOST_METRICS])
        self._unsent_metrics = []


def _reader(definitions: Sequence[Mapping[str, str]]) -> Callable[[str], list[tuple[str, float]]]:
    """A function that finds the metrics in a line: names and values."""
    patterns = [
        (definition["Name"], _sign_of(definition["Regex"]), re.compile(definition["Regex"]))
        for definition in definitions
    ]

    def read(line: str) -> list[tuple[str, float]]:
        matches = ((name, pattern.search(line)) for name, sign, pattern in patterns if sign in line)
        found = [(name, match[1]) for name, match in matches if match and match.groups()]
        return [(name, float(text)) for name, text in found if _is_number(text)]

    return read


def _sign_of(pattern: str) -> str:
    """A literal that every match of a pattern of the built-in algorithm's form contains; "" for other patterns.

    XGBoost has so many metrics that searching each line for all of them would be most of a short job's work.
    """
    sign = re.fullmatch(r"\.\*\\\[\[0-9\]\+\\\]\.\*(#011[\w@-]+:)\([^()|]*(\([^()|]*\)\??)*\)[^()|]*", pattern)
    return sign[1] if sign else ""


def _is_number(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False
