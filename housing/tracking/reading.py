"""Opens an existing record for reading only: nothing is created or changed."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from housing.errors import TrackingError
from housing.tracking.experiments import deleted_experiment
from housing.tracking.local_reader import LocalReader
from housing.tracking.places import database_path
from housing.tracking.queries import RunQueries
from housing.tracking.reader import Reader, Run
from housing.tracking.servers import check_address
from housing.tracking.store import open_client

if TYPE_CHECKING:
    from mlflow import MlflowClient


def open_reader(uri: str) -> Reader:
    """A reader of a record. Raises TrackingError if it cannot be opened, ConfigError if the URI is not one of a record.

    A local record is read directly, in less time than importing MLflow takes; any other, and one with an unknown
    schema revision, through MLflow.
    """
    check_address(uri)
    if is_plain_file(uri):
        path = database_path(uri)
        if LocalReader.can_read(path):
            return LocalReader(path)
    from housing.tracking.client_reader import ClientReader

    return ClientReader(open_client(uri))


def is_plain_file(uri: str) -> bool:
    """Whether a record is an SQLite file without MLflow's workspaces."""
    return uri.startswith("sqlite:") and not os.environ.get("MLFLOW_ENABLE_WORKSPACES")


class Record:
    """The runs of all experiments, those of `experiment` first. Failures are TrackingErrors."""

    def __init__(self, reader: Reader, uri: str, experiment: str) -> None:
        self._reader, self._uri, self._name = reader, uri, experiment
        self._recorded = reader.experiments()
        every = [RunQueries(reader, each.id, each.name) for each in self._recorded if not each.is_deleted]
        self._experiments = sorted(every, key=lambda queries: queries.experiment != experiment)
        self._by_id = {queries.experiment_id: queries for queries in every}
        self.own = next((queries for queries in every if queries.experiment == experiment), None)
        """The requested experiment; None when the record does not have it."""

    @classmethod
    def open(cls, uri: str, experiment: str) -> Record:
        """Raises TrackingError where there is no record yet."""
        if uri.startswith("sqlite:") and not database_path(uri).is_file():
            raise TrackingError(
                f"{uri}: nothing is recorded there yet ({database_path(uri)} does not exist); change to the folder "
                "where you worked, set tracking.uri, or make a first run: housing train"
            )
        return cls(open_reader(uri), uri, experiment)

    def writing(self) -> MlflowClient:
        """A client, for commands that do change something."""
        return open_client(self._uri)

    @property
    def experiment_ids(self) -> list[str]:
        """The ids of all experiments, the requested one first."""
        return [queries.experiment_id for queries in self._experiments]

    def get(self, run: str) -> Run:
        """By id, an id's beginning, or name; the requested experiment is searched first."""
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

    def experiment(self, name: str) -> RunQueries | None:
        """The runs of one experiment; None if there is none of that name."""
        return next((queries for queries in self._experiments if queries.experiment == name), None)

    def check_not_deleted(self) -> None:
        """Raises TrackingError if the requested experiment was deleted."""
        for each in self._recorded:
            if self.own is None and each.is_deleted and each.name == self._name:
                raise deleted_experiment(self._uri, each.name, each.id)

    def children(self, run: Run) -> list[Run]:
        """All runs directly below a run, in the order in which they started."""
        return self._by_id[run.experiment_id].children(run.id)

    def history(self, run: Run, metric: str) -> list[float]:
        """The metric after every round; empty when the run has no such metric."""
        return self._by_id[run.experiment_id].history(run.id, metric)

    def read_file(self, run_id: str, name: str) -> bytes | None:
        """One artifact of a run, whole; None when it has no such file."""
        try:
            return self._reader.file(run_id, name)
        except TrackingError:
            return None
