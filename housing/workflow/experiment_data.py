"""The data of one choice of options: read, encoded and staged on first use."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from housing.in_order import in_order
from housing.lazy import Lazy
from housing.tracking import schema
from housing.workflow.reading_progress import ReadingProgress
from housing.workflow.source_access import sources_reached

if TYPE_CHECKING:
    from housing.config.schema import Experiment
    from housing.data.channel import Channel
    from housing.data.preparation import Prepared
    from housing.targets.base import Runner
    from housing.workflow.command_record import CommandRecord
    from housing.workflow.outcome import Reporter

_SENT_AT_ONCE = 4

Staged = Mapping[str, Any]
"""What the runner's `stage` returned, by channel."""


class ExperimentData:
    """May be shared by sessions whose dataset, features, weights and runner are the same."""

    def __init__(
        self, experiment: Experiment, reporter: Reporter, *, record: CommandRecord, runner: Lazy[Runner]
    ) -> None:
        self._experiment = experiment
        self._reporter = reporter
        self._record = record
        self._runner = runner
        self._prepared = Lazy(self._prepare)
        self._staged = Lazy(self._stage)
        self._staged_folds = Lazy(self._stage_folds)

    @property
    def prepared(self) -> Prepared:
        """The dataset, read, checked, split and encoded. Raises DataError before anything is recorded.

        The record is opened first, as training results that cannot be recorded would be lost.
        """
        return self._prepared.get()

    @property
    def staged(self) -> Staged:
        """The `train` and `validation` channels, staged for the runner's jobs."""
        return self._staged.get()

    @property
    def staged_folds(self) -> Sequence[Staged]:
        """The same for each fold of the training rows, if the study has `folds`."""
        return self._staged_folds.get()

    @property
    def digest_tags(self) -> dict[str, str]:
        """Tags that identify the state of the data; empty until they are read."""
        if not self._prepared.is_made:
            return {}
        left_out = self.prepared.table.left_out
        return {
            **({schema.LEFT_OUT: json.dumps(left_out)} if left_out else {}),
            schema.DATA_DIGEST: self.prepared.data_digest,
            schema.SPLIT_DIGEST: self.prepared.split_digest,
            schema.ENCODER_DIGEST: self.prepared.encoder_digest,
        }

    def _prepare(self) -> Prepared:
        from housing.data.labels import label_remarks
        from housing.data.leaks import leaks
        from housing.data.preparation import prepare
        from housing.data.remarks import data_remarks
        from housing.data.selection import left_out_text
        from housing.data.storage import crowding

        dataset, features = self._experiment.dataset, self._experiment.features
        self._record.check_writable()
        with sources_reached(self._experiment.runner), self._reporter.working("reading the data"):
            if crowded := crowding(dataset):
                self._reporter.step("data", crowded)
            prepared = prepare(dataset, features, self._experiment.weights, ReadingProgress(self._reporter))
        parts = {"train": prepared.parts.train, "validation": prepared.parts.validation, "test": prepared.parts.test}
        sizes = ", ".join(f"{len(part):,} {name}" for name, part in parts.items())
        self._reporter.step(
            "data",
            f"{dataset.name}: {sizes} rows; {len(prepared.encoder.required):,} columns encoded as "
            f"{len(prepared.encoder.columns):,} ({features.name})",
        )
        if prepared.table.is_stored:
            self._reporter.step("data", f"stays on disk (dataset.storage: {dataset.storage}), read in batches")
        for remark in data_remarks(prepared):
            self._reporter.step("data", remark)
        if left_out := prepared.table.left_out:
            self._reporter.step("left out", left_out_text(left_out, dataset))
        for suspicion in leaks(prepared):
            self._reporter.step("leak?", suspicion)
        for remark in label_remarks(prepared.table, prepared.parts, prepared.encoder):
            self._reporter.step("label", remark)
        return prepared

    def stage(self, channels: Mapping[str, Channel]) -> Staged:
        """Stage channels of these data, such as those of a fold, for the runner's jobs."""
        return self._staged_of([channels])[0]

    def _stage(self) -> Staged:
        return self.stage(self.prepared.channels)

    def _stage_folds(self) -> Sequence[Staged]:
        return self._staged_of(self.prepared.folds(self._experiment.study.folds, seed=self._experiment.seed))

    def _staged_of(self, parts: Sequence[Mapping[str, Channel]]) -> list[Staged]:
        """Stage several parts, in parallel if they are uploaded."""
        stage = self._runner.get().stage
        channels = [channel for part in parts for channel in part.values()]
        staged = in_order(stage, channels, at_once=_SENT_AT_ONCE)
        return [{name: next(staged) for name in part} for part in parts]
