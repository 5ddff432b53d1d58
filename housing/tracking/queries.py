"""Finds runs in the record."""

from __future__ import annotations

import difflib
import itertools
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Literal

from housing.errors import TrackingError
from housing.tracking import schema
from housing.tracking.reader import PAGE, PARENT_TAG, Clause, MetricPoint, Order, Reader, RecordedExperiment, Run

Kind = Literal["run", "study", "job", "group", "final", "member", "monitoring", "benchmark", "outer"]
"""See `schema.KIND`."""

Direction = Literal["minimize", "maximize"]

_NEWEST = Order("attribute", "start_time", ascending=False)
_OLDEST = Order("attribute", "start_time", ascending=True)
_FINISHED = Clause("attribute", "status", "=", "FINISHED")
_PARENTS = ("study", "run", "group")
_NAMES_SHOWN = 5
_FULL_ID = re.compile(r"[0-9a-f]{32}")
_WORD = re.compile(r"[\w-]+")
_ID_PREFIX = re.compile(r"[0-9a-f]{4,31}")


class RunQueries:
    """Queries over the runs of one experiment. May be used from any thread; raises TrackingError."""

    def __init__(self, reader: Reader, experiment_id: str, experiment: str) -> None:
        self.reader = reader
        self.experiment_id = experiment_id
        self.experiment = experiment
        self._recorded = RecordedExperiment(experiment_id, experiment, is_deleted=False)

    @property
    def is_local(self) -> bool:
        """Whether the record is a file, reached without a network."""
        return self.reader.uri.startswith("sqlite:")

    def get(self, run: str) -> Run:
        """By run id, an id's first characters (4 or more), the run's name, or its name's first word if unique."""
        if _FULL_ID.fullmatch(run):
            found_by_id = self.reader.run(run)
            if found_by_id.is_deleted:
                raise TrackingError(
                    f"run {run}: was deleted; bring it back: MLFLOW_TRACKING_URI={self.reader.uri} "
                    f"mlflow runs restore --run-id {run}"
                )
            return found_by_id
        found = self.named(run)
        if len(found) == 1:
            return found[0]
        if found:
            ids = ", ".join(r.id[:12] for r in found[:_NAMES_SHOWN])
            raise TrackingError(
                f"run {run!r}: {len(found):,} runs of {self.experiment!r} match; give the id of one: {ids}"
            )
        raise TrackingError(f"run {run!r}: not in experiment {self.experiment!r}{self._near(run)}")

    def named(self, run: str) -> list[Run]:
        """Runs of this name, newest first; else those whose id begins with it; else those with this first word."""
        found = list(self._search([Clause("attribute", "run_name", "=", run)], _NEWEST))
        if not found and _ID_PREFIX.fullmatch(run):
            found = list(self._search([Clause("attribute", "run_id", "LIKE", f"{run}%")]))
        if not found and _WORD.fullmatch(run):
            like = self._search([Clause("attribute", "run_name", "LIKE", f"{run} %")], _NEWEST)
            found = [each for each in like if each.name.startswith(f"{run} ")]
        return found

    def best(
        self,
        objective: str,
        direction: Direction,
        *,
        parent: str | None = None,
        split_digest: str | None = None,
        algorithm: str | None = None,
    ) -> Run | None:
        """The finished job with the best `objective`, the earliest of equals; None when no job has it.

        Only jobs count: a final fit has seen the validation rows, and a study, a multirun or a whole `run` only
        repeats its best job.
        """
        clauses = [_FINISHED, *_equal({schema.KIND: "job"})]
        clauses += _equal({PARENT_TAG: parent, schema.SPLIT_DIGEST: split_digest}) + _trained_by(algorithm)
        found = self._search(clauses, _best_first(objective, direction), _OLDEST, page=1)
        # Runs without the metric, or with NaN, come last in either direction.
        first = next(found, None)
        return None if first is None or math.isnan(first.metrics.get(objective, math.nan)) else first

    def finished_jobs(self, objective: str, direction: Direction, *, most: int) -> list[Run]:
        """The finished jobs with the best `objective`, best first."""
        clauses = [_FINISHED, *_equal({schema.KIND: "job"})]
        found = self._search(clauses, _best_first(objective, direction), _OLDEST, page=most)
        return [run for run in islice(found, most) if not math.isnan(run.metrics.get(objective, math.nan))]

    def latest_study(self, *, split_digest: str | None = None, algorithm: str | None = None) -> Run | None:
        """The finished study that began last; None when there is none."""
        clauses = [_FINISHED, *_equal({schema.KIND: "study", schema.SPLIT_DIGEST: split_digest})]
        clauses += _trained_by(algorithm)
        return next(self._search(clauses, _NEWEST, page=1), None)

    def finished_jobs_with(self, tag: str) -> Iterator[Run]:
        """Finished jobs that have the tag, the latest first."""
        clauses = [_FINISHED, _has(tag), *_equal({schema.KIND: "job"})]
        return self._search(clauses, _NEWEST)

    def finished_with(self, tags: Mapping[str, str]) -> Iterator[Run]:
        """Finished runs that have these tags, the latest first."""
        return self._search([_FINISHED, *_equal(tags)], _NEWEST)

    def with_tag(self, tag: str) -> Iterator[Run]:
        """Runs that have the tag, with any value and any status."""
        return self._search([_has(tag)])

    def with_tags(self, tags: Mapping[str, str | None]) -> list[Run]:
        """Runs that have these tags, with any status, in the order in which they started; None: any value."""
        return list(self._search(_equal(tags), _OLDEST))

    def billed_jobs(self, tags: Mapping[str, str], *, most: int) -> list[Run]:
        """The latest finished jobs that have these tags and were billed, at most `most`."""
        clauses = [_FINISHED, Clause("metric", "billed_seconds", ">=", 0), *_equal(tags)]
        return list(islice(self._search(clauses, _NEWEST, page=most), most))

    def studies(self, tags: Mapping[str, str]) -> Iterator[Run]:
        """Studies that have these tags, with any status, the latest first."""
        return self._search(_equal({schema.KIND: "study", **tags}), _NEWEST)

    def children(self, parent: str, *, tags: Mapping[str, str] | None = None) -> list[Run]:
        """All runs below a parent that have the tags, with any status, in the order in which they started."""
        return self.with_tags({PARENT_TAG: parent, **(tags or {})})

    def matching(self, wanted: str) -> Iterator[Run]:
        """Runs by a filter in MLflow's language (`metrics.validation_mae < 20000`), newest first; empty: all."""
        return self.reader.filtered(self._recorded, wanted) if wanted else self._search([], _NEWEST)

    def history(self, run_id: str, metric: str) -> list[float]:
        """The metric after every round of a job, from the first; empty when the run has no such metric."""
        # The last step has a later point, too: the value of the round that was kept (`entries.job_metrics`).
        rounds: dict[int, float] = {}
        for point in sorted(self._points(run_id, metric), key=lambda p: (p.step, p.timestamp)):
            rounds.setdefault(point.step, point.value)
        return list(rounds.values())

    def _steps(self, run_id: str, metric: str) -> set[int]:
        return {point.step for point in self._points(run_id, metric)}

    def _points(self, run_id: str, metric: str) -> Sequence[MetricPoint]:
        return self.reader.points(run_id, metric)

    def _search(self, clauses: Sequence[Clause], *order_by: Order, page: int = PAGE) -> Iterator[Run]:
        return self.reader.search(self._recorded, clauses, *order_by, page=page)

    def _near(self, name: str) -> str:
        runs = list(self._search([], _NEWEST))
        if not runs:
            return ", which has no runs yet"
        near = difflib.get_close_matches(name, dict.fromkeys(r.name for r in runs), n=_NAMES_SHOWN, cutoff=0.6)
        if near:
            return f"; did you mean {_listed(near)}?"
        runs.sort(key=lambda run: run.kind not in _PARENTS)  # parents are wanted most often
        return f"; the latest are {_listed([handle(run) for run in runs])}"


def handle(run: Run) -> str:
    """A short name of a run, without the hyperparameters that its name may list: `t03 (3f2a91bc)`."""
    words = itertools.takewhile(lambda word: "=" not in word, run.name.split())
    return f"{' '.join(words) or run.name} ({run.id[:8]})"


def _equal(tags: Mapping[str, str | None]) -> list[Clause]:
    """Clauses for the tags that have a value."""
    return [Clause("tag", name, "=", value) for name, value in tags.items() if value is not None]


def _has(tag: str) -> Clause:
    return Clause("tag", tag, "LIKE", "%")


def _trained_by(algorithm: str | None) -> list[Clause]:
    return [] if algorithm is None else [Clause("param", "algorithm", "=", algorithm)]


def _best_first(objective: str, direction: Direction) -> Order:
    return Order("metric", objective, ascending=direction == "minimize")


def _listed(names: list[str]) -> str:
    shown = ", ".join(names[:_NAMES_SHOWN])
    return f"{shown} and {len(names) - _NAMES_SHOWN} more" if len(names) > _NAMES_SHOWN else shown
