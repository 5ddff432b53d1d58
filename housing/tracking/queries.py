"""Finding runs in the record."""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any, Literal

from housing.errors import TrackingError
from housing.tracking import schema
from housing.tracking.store import translated

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Metric

Kind = Literal["run", "study", "job", "group", "final", "member", "monitoring", "benchmark", "outer"]
"""See `schema.KIND`."""

Direction = Literal["minimize", "maximize"]

PARENT_TAG = "mlflow.parentRunId"
_PAGE = 1000
_NAMES_SHOWN = 5
_FULL_ID = re.compile(r"[0-9a-f]{32}")
_WORD = re.compile(r"[\w-]+")
_ID_PREFIX = re.compile(r"[0-9a-f]{4,31}")


@dataclass(frozen=True)
class Run:
    """One run as it stands in the record; `metrics` has the newest value of each, times are Unix milliseconds."""

    id: str
    name: str
    status: str
    experiment_id: str
    artifact_uri: str
    started_at_ms: int
    ended_at_ms: int | None
    metrics: Mapping[str, float]
    params: Mapping[str, str]
    tags: Mapping[str, str]

    @property
    def kind(self) -> str | None:
        """As given to `Runs.start`; None for a run that was not made by housing."""
        return self.tags.get(schema.KIND)

    @property
    def parent(self) -> str | None:
        return self.tags.get(PARENT_TAG)


class RunQueries:
    """Questions about the runs of one experiment. May be used from any thread; failures are TrackingErrors."""

    def __init__(self, client: MlflowClient, experiment_id: str, experiment: str) -> None:
        self.client = client
        self.experiment_id = experiment_id
        self.experiment = experiment

    @property
    def is_local(self) -> bool:
        """Whether the record is a file, with no network before it."""
        return str(self.client.tracking_uri).startswith("sqlite:")

    def get(self, run: str) -> Run:
        """By run id, an id's first characters (4 or more), the run's name, or its first word, where only one has it."""
        if _FULL_ID.fullmatch(run):
            with translated(f"run {run}: not in the record"):
                found_by_id = self.client.get_run(run)
            if found_by_id.info.lifecycle_stage == "deleted":
                raise TrackingError(
                    f"run {run}: was deleted; bring it back: MLFLOW_TRACKING_URI={self.client.tracking_uri} "
                    f"mlflow runs restore --run-id {run}"
                )
            return as_run(found_by_id)
        found = self.named(run)
        if len(found) == 1:
            return found[0]
        if found:
            ids = ", ".join(r.id[:12] for r in found[:_NAMES_SHOWN])
            raise TrackingError(f"run {run!r}: {len(found)} runs of {self.experiment!r} are called so; name one: {ids}")
        raise TrackingError(f"run {run!r}: not in experiment {self.experiment!r}{self._near(run)}")

    def named(self, run: str) -> list[Run]:
        """Those of this name, newest first; else those whose id begins so; else those of this name's first word."""
        found = list(self._search([f"attributes.run_name = {quoted(run)}"], "attributes.start_time DESC"))
        if not found and _ID_PREFIX.fullmatch(run):
            found = list(self._search([f"attributes.run_id LIKE '{run}%'"]))
        if not found and _WORD.fullmatch(run):
            like = self._search([f"attributes.run_name LIKE '{run} %'"], "attributes.start_time DESC")
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
        """The finished job with the best `objective`, the earlier of equals; None when no job has it.

        Only jobs compete: a final fit has seen the validation rows, and a study, a multirun or a whole `run` only
        repeats its best job.
        """
        clauses = ["attributes.status = 'FINISHED'", *_equal({schema.KIND: "job"})]
        clauses += _equal({PARENT_TAG: parent, schema.SPLIT_DIGEST: split_digest}) + _trained_by(algorithm)
        order = "ASC" if direction == "minimize" else "DESC"
        found = self._search(clauses, f"metrics.`{objective}` {order}", "attributes.start_time ASC", page=1)
        # Runs without the metric, or with NaN, come last in either direction.
        first = next(found, None)
        return None if first is None or math.isnan(first.metrics.get(objective, math.nan)) else first

    def finished_jobs(self, objective: str, direction: Direction, *, most: int) -> list[Run]:
        """The finished jobs with the best `objective`, best first."""
        clauses = ["attributes.status = 'FINISHED'", *_equal({schema.KIND: "job"})]
        order = "ASC" if direction == "minimize" else "DESC"
        found = self._search(clauses, f"metrics.`{objective}` {order}", "attributes.start_time ASC", page=most)
        return [run for run in islice(found, most) if not math.isnan(run.metrics.get(objective, math.nan))]

    def latest_study(self, *, split_digest: str | None = None, algorithm: str | None = None) -> Run | None:
        """The finished study that began last; None when there is none."""
        clauses = ["attributes.status = 'FINISHED'", *_equal({schema.KIND: "study", schema.SPLIT_DIGEST: split_digest})]
        clauses += _trained_by(algorithm)
        return next(self._search(clauses, "attributes.start_time DESC", page=1), None)

    def finished_jobs_with(self, tag: str) -> Iterator[Run]:
        """Finished jobs that have the tag, the latest first."""
        clauses = ["attributes.status = 'FINISHED'", f"tags.`{tag}` LIKE '%'", *_equal({schema.KIND: "job"})]
        return self._search(clauses, "attributes.start_time DESC")

    def finished_with(self, tags: Mapping[str, str]) -> Iterator[Run]:
        """Finished runs that have these tags, the latest first."""
        return self._search(["attributes.status = 'FINISHED'", *_equal(tags)], "attributes.start_time DESC")

    def with_tag(self, tag: str) -> Iterator[Run]:
        """Runs that have the tag, whatever it says and whatever their status."""
        return self._search([f"tags.`{tag}` LIKE '%'"])

    def with_tags(self, tags: Mapping[str, str | None]) -> list[Run]:
        """Runs that have these tags, whatever their status, in the order they were started; None: any."""
        return list(self._search(_equal(tags), "attributes.start_time ASC"))

    def billed_jobs(self, tags: Mapping[str, str], *, most: int) -> list[Run]:
        """The latest finished jobs that have these tags and were billed."""
        clauses = ["attributes.status = 'FINISHED'", "metrics.billed_seconds >= 0", *_equal(tags)]
        return list(islice(self._search(clauses, "attributes.start_time DESC", page=most), most))

    def studies(self, tags: Mapping[str, str]) -> Iterator[Run]:
        """Studies that have these tags, whatever their status, the latest first."""
        return self._search(_equal({schema.KIND: "study", **tags}), "attributes.start_time DESC")

    def children(self, parent: str, *, tags: Mapping[str, str] | None = None) -> list[Run]:
        """All runs below a parent that have the tags, whatever their status, in the order they were started."""
        return self.with_tags({PARENT_TAG: parent, **(tags or {})})

    def matching(self, wanted: str) -> Iterator[Run]:
        """Newest first, by a filter in MLflow's own language (`metrics.validation_mae < 20000`); empty: all of them."""
        return self._search([wanted] if wanted else [], "attributes.start_time DESC")

    def history(self, run_id: str, metric: str) -> list[float]:
        """The metric after every round of a job, from the first; empty when the run has no such metric."""
        # The last step holds, later, the value of the round that was kept too: `entries.job_metrics`.
        rounds: dict[int, float] = {}
        for point in sorted(self._points(run_id, metric), key=lambda p: (p.step, p.timestamp)):
            rounds.setdefault(point.step, point.value)
        return list(rounds.values())

    def _steps(self, run_id: str, metric: str) -> set[int]:
        return {point.step for point in self._points(run_id, metric)}

    def _points(self, run_id: str, metric: str) -> Sequence[Metric]:
        with translated(f"run {run_id}: cannot read {metric}"):
            return list(self.client.get_metric_history(run_id, metric))

    def _search(self, clauses: Sequence[str], *order_by: str, page: int = _PAGE) -> Iterator[Run]:
        token: str | None = None
        while True:
            with translated(f"experiment {self.experiment!r}: cannot search its runs"):
                found = self.client.search_runs(
                    [self.experiment_id],
                    " AND ".join(clauses),
                    max_results=page,
                    order_by=list(order_by),
                    page_token=token,
                )
            yield from map(as_run, found)
            token = found.token
            if not token:
                return

    def _near(self, name: str) -> str:
        runs = self._search([], "attributes.start_time DESC")
        names = dict.fromkeys(r.name for r in runs if r.name != name)
        if not names:
            return ", which has no runs yet"
        near = difflib.get_close_matches(name, names, n=_NAMES_SHOWN, cutoff=0.6)
        return f"; did you mean {_listed(near)}?" if near else f"; the latest are {_listed(list(names))}"


def as_run(run: Any) -> Run:
    """MLflow's run as ours."""
    return Run(
        id=run.info.run_id,
        name=run.info.run_name,
        status=run.info.status,
        experiment_id=run.info.experiment_id,
        artifact_uri=run.info.artifact_uri,
        started_at_ms=run.info.start_time,
        ended_at_ms=run.info.end_time,
        metrics=run.data.metrics,
        params=run.data.params,
        tags=run.data.tags,
    )


def _equal(tags: Mapping[str, str | None]) -> list[str]:
    """Clauses for the tags that have a value."""
    return [f"tags.`{name}` = {quoted(value)}" for name, value in tags.items() if value is not None]


def _trained_by(algorithm: str | None) -> list[str]:
    return [] if algorithm is None else [f"params.algorithm = {quoted(algorithm)}"]


def quoted(text: str) -> str:
    """A string of MLflow's filter language, which has two kinds of quotes and no escapes."""
    return f'"{text.replace(chr(34), chr(39))}"' if "'" in text else f"'{text}'"


def _listed(names: list[str]) -> str:
    shown = ", ".join(names[:_NAMES_SHOWN])
    return f"{shown} and {len(names) - _NAMES_SHOWN} more" if len(names) > _NAMES_SHOWN else shown
