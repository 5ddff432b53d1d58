"""A record that exists already, to look at: nothing is made and nothing is changed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from housing.errors import TrackingError
from housing.tracking.experiments import check_not_deleted
from housing.tracking.queries import Run, RunQueries
from housing.tracking.runs import read_file
from housing.tracking.store import database_path, open_client, translated

if TYPE_CHECKING:
    from mlflow import MlflowClient


class Record:
    """The runs of all experiments, those of `experiment` first. Failures are TrackingErrors."""

    def __init__(self, client: MlflowClient, uri: str, experiment: str) -> None:
        self.client, self._uri, self._name = client, uri, experiment
        with translated(f"{uri}: cannot read its experiments"):
            every = [RunQueries(client, e.experiment_id, e.name) for e in client.search_experiments()]
        self._experiments = sorted(every, key=lambda queries: queries.experiment != experiment)
        self._by_id = {queries.experiment_id: queries for queries in every}
        self.own = next((queries for queries in every if queries.experiment == experiment), None)
        """The experiment asked for; None when the record has no runs of it."""

    @classmethod
    def open(cls, uri: str, experiment: str) -> Record:
        """Raises TrackingError where there is no record yet."""
        if uri.startswith("sqlite:") and not database_path(uri).is_file():
            raise TrackingError(
                f"{uri}: nothing is recorded there yet ({database_path(uri)} does not exist); change to the folder "
                "where you worked, set tracking.uri, or make a first run: housing train"
            )
        return cls(open_client(uri), uri, experiment)

    @property
    def experiment_ids(self) -> list[str]:
        """Of all experiments, the one asked for first."""
        return [queries.experiment_id for queries in self._experiments]

    def get(self, run: str) -> Run:
        """By id, an id's beginning, or name; the experiment asked for goes before the others."""
        having = (queries for queries in self._experiments if queries.named(run))
        queries = next(having, next(iter(self._experiments), None))
        if queries is None:
            self.check_not_deleted()
            raise TrackingError(f"run {run!r}: every experiment in {self._uri} was deleted")
        try:
            return queries.get(run)
        except TrackingError:
            self.check_not_deleted()
            raise

    def check_not_deleted(self) -> None:
        """Raises TrackingError where the experiment asked for was deleted."""
        if self.own is None:
            check_not_deleted(self.client, self._uri, self._name)

    def children(self, run: Run) -> list[Run]:
        """All runs directly below a run, in the order they were started."""
        return self._by_id[run.experiment_id].children(run.id)

    def history(self, run: Run, metric: str) -> list[float]:
        """The metric after every round; empty when the run has no such metric."""
        return self._by_id[run.experiment_id].history(run.id, metric)

    def read_file(self, run_id: str, name: str) -> bytes | None:
        """One artifact of a run, whole; None when it has no such file."""
        try:
            return read_file(self.client, run_id, name)
        except TrackingError:
            return None
