"""Deletes and restores runs as MLflow does: they are only marked, with all runs below them."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from typing import TYPE_CHECKING

from housing.errors import TrackingError
from housing.processes import is_dead
from housing.tracking import schema
from housing.tracking.client_reader import as_run, quoted
from housing.tracking.reader import PARENT_TAG, Run
from housing.tracking.vendor import translated

if TYPE_CHECKING:
    from mlflow import MlflowClient


def delete(client: MlflowClient, runs: Sequence[Run]) -> list[Run]:
    """Mark runs, and all runs below them, as deleted; `restore` undoes it. Returns all of them.

    Raises TrackingError, before anything is deleted, if one is still running or has a registered version.
    """
    found = _with_descendants(client, runs, deleted=False)
    for run in found:
        _refuse(client, run)
    for run in found:
        with translated(f"run {run.name!r}: cannot be deleted"):
            client.delete_run(run.id)
    return found


def restore(client: MlflowClient, experiments: Sequence[str], words: Sequence[str]) -> list[Run]:
    """Restore deleted runs, by id, its beginning, name or a name's first word, and those below; returns all."""
    gone = deleted(client, experiments)
    wanted = [_named(gone, word) for word in words]
    found = _with_descendants(client, wanted, deleted=True)
    for run in found:
        with translated(f"run {run.name!r}: cannot be restored"):
            client.restore_run(run.id)
    return found


def deleted(client: MlflowClient, experiments: Sequence[str]) -> list[Run]:
    """The deleted runs of these experiments, newest first."""
    return list(_search(client, experiments, "", deleted=True))


def _named(gone: Sequence[Run], word: str) -> Run:
    found = (
        [run for run in gone if word in (run.id, run.name)]
        or [run for run in gone if run.id.startswith(word)]
        or [run for run in gone if run.name.partition(" ")[0] == word]
    )
    if len(found) == 1:
        return found[0]
    known = ", ".join(f"{run.id[:8]} ({run.name})" for run in (found or gone)[:5]) or "none"
    raise TrackingError(
        f"run {word!r}: {len(found):,} deleted runs match; give the id of one: {known}"
        if found
        else f"run {word!r}: no deleted run matches; the deleted ones are: {known}"
    )


def _with_descendants(client: MlflowClient, runs: Sequence[Run], *, deleted: bool) -> list[Run]:
    found = {run.id: run for run in runs}
    level = list(found.values())
    while level:
        below = (
            _search(client, [run.experiment_id], f"tags.`{PARENT_TAG}` = {quoted(run.id)}", deleted=deleted)
            for run in level
        )
        level = [run for run in chain.from_iterable(below) if run.id not in found]
        found |= {run.id: run for run in level}
    return list(found.values())


def _search(client: MlflowClient, experiments: Sequence[str], clause: str, *, deleted: bool) -> list[Run]:
    from mlflow.entities import ViewType

    view = ViewType.DELETED_ONLY if deleted else ViewType.ACTIVE_ONLY
    token, found = None, []
    while True:
        with translated("the runs cannot be searched"):
            page = client.search_runs(list(experiments), clause, view, page_token=token)
        found += [as_run(run) for run in page]
        token = page.token
        if not token:
            return found


def _refuse(client: MlflowClient, run: Run) -> None:
    process = run.tags.get(schema.PROCESS)
    if run.status == "RUNNING" and process is not None and not is_dead(process):
        raise TrackingError(
            f"run {run.name!r} ({run.id[:8]}): is still running; stop its command first. Nothing was deleted"
        )
    with translated(f"run {run.name!r}: the registry does not answer"):
        versions = client.search_model_versions(f"run_id = '{run.id}'")
    if versions:
        name, number = versions[0].name, versions[0].version
        raise TrackingError(
            f"run {run.name!r} ({run.id[:8]}): {name} version {number} comes from it, and its lineage would be broken; "
            "delete that version first, in `housing ui`. Nothing was deleted"
        )
