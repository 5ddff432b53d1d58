"""Prepares a dataset for training: reads, checks, splits and encodes it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from housing.data.channel import Channel, build
from housing.data.description import Dataset
from housing.data.encoder import Encoder
from housing.data.features import Features
from housing.data.fitted_rows import encoded, fitted_to
from housing.data.labels import check_label
from housing.data.ordering import folds
from housing.data.outer_split import outer_split
from housing.data.samples import Sample
from housing.data.split import Parts, split
from housing.data.storage import read
from housing.data.stored_channels import stored_channels
from housing.data.table import Table
from housing.data.task_columns import groups_of
from housing.data.told import Told, untold
from housing.data.weights import Weights, column_weights, training_weights, validation_weights
from housing.errors import DataError


@dataclass(frozen=True, eq=False)
class Prepared:
    """`channels` are `train` and `validation`, encoded by `encoder`, which was fitted to `train` alone.

    `weights` says how rows of any channel `train` are weighted, computed from that channel alone.
    """

    dataset: Dataset
    features: Features
    table: Table
    parts: Parts
    encoder: Encoder
    channels: Mapping[str, Channel]
    sample: Sample
    data_digest: str
    split_digest: str
    weights: Weights = "none"

    @property
    def encoder_digest(self) -> str:
        return self.encoder.digest

    @property
    def test(self) -> Table:
        """The untouched rows, raw, with their label; may be empty."""
        return self.table.take(self.parts.test)

    def final(self) -> tuple[Encoder, Channel]:
        """An encoder fitted on train and validation together, and those rows as channel `train`."""
        rows = self._final_rows
        encoder = Encoder.fit(self.table.take(rows), self.dataset, self.features)
        return encoder, _channels(self.table, {"train": rows}, encoder, self.dataset, self.weights)["train"]

    def folds(self, count: int, *, seed: int) -> list[Mapping[str, Channel]]:
        """`count` divisions of the training rows into channels `train` and `validation`, by the rules of the split.

        Each row is held out once, except that a split by time never holds out the first ones (`ordering.folds`). Every
        fold has its own encoder, fitted on its `train` alone. The validation and test parts are in none. Raises
        DataError when there are fewer rows than folds.
        """
        return [self._channels(train, held) for train, held in self._divided(self.parts.train, count, seed)]

    def held_out(self, count: int, *, seed: int) -> list[NDArray[np.int64]]:
        """The rows of the table that each of the `folds` has as `validation`, in their order."""
        return [held for _, held in self._divided(self.parts.train, count, seed)]

    def final_folds(self, count: int, *, seed: int) -> list[Mapping[str, Channel]]:
        """As `folds`, for the rows of the final fit: train and validation together."""
        return [self._channels(train, held) for train, held in self._divided(self._final_rows, count, seed)]

    def held_out_of_final(self, count: int, *, seed: int) -> list[NDArray[np.int64]]:
        """The rows of the table that each of the `final_folds` has as `validation`, in their order."""
        return [held for _, held in self._divided(self._final_rows, count, seed)]

    def encoded_anew(
        self, features: Features, train: NDArray[np.int64], validation: NDArray[np.int64]
    ) -> Mapping[str, Channel]:
        """Channels of these rows with other features, fitted to `train` alone. Raises DataError."""
        encoder = Encoder.fit(self.table.take(train), self.dataset, features)
        return _channels(self.table, {"train": train, "validation": validation}, encoder, self.dataset, self.weights)

    def labels(self, rows: NDArray[np.int64]) -> NDArray[np.float64]:
        """The label of these rows as metrics take it: (rows,), or (rows, 2) with each row's group number."""
        values = self.encoder.label_values(self.table[self.dataset.label][rows])
        groups = groups_of(self.table, self.dataset, rows)
        return values if groups is None else np.column_stack([values, groups])

    @property
    def _final_rows(self) -> NDArray[np.int64]:
        return np.sort(np.concatenate([self.parts.train, self.parts.validation]))

    def _divided(
        self, rows: NDArray[np.int64], count: int, seed: int
    ) -> list[tuple[NDArray[np.int64], NDArray[np.int64]]]:
        try:
            return list(folds(self.table, self.dataset, rows, count, seed=seed))
        except ValueError as error:
            raise DataError(f"{self.table.source}: {error}") from None

    def _channels(self, train: NDArray[np.int64], validation: NDArray[np.int64]) -> Mapping[str, Channel]:
        encoder = Encoder.fit(self.table.take(train), self.dataset, self.features)
        parts = {"train": train, "validation": validation}
        return _channels(self.table, parts, encoder, self.dataset, self.weights)


def prepare(dataset: Dataset, features: Features, weights: Weights = "none", told: Told = untold) -> Prepared:
    """Read, check, split and encode; writes only caches and temporary files. Raises DataError."""
    table = read(dataset, told)
    parts = split(table, dataset) if dataset.split.outer is None else outer_split(table, dataset)
    encoder = Encoder.fit(table.take(parts.train), dataset, features)
    check_label(table, parts, encoder)
    fitted, sample = {"train": parts.train, "validation": parts.validation}, Sample(table, parts)
    return Prepared(
        dataset=dataset,
        features=features,
        table=table,
        parts=parts,
        encoder=encoder,
        channels=_channels(table, fitted, encoder, dataset, weights, sample=sample),
        sample=sample,
        data_digest=table.digest(),
        split_digest=parts.digest(),
        weights=weights,
    )


def _channels(
    table: Table,
    parts: Mapping[str, NDArray[np.int64]],
    encoder: Encoder,
    dataset: Dataset,
    weights: Weights,
    *,
    sample: Sample | None = None,
) -> dict[str, Channel]:
    if table.is_stored:
        return stored_channels(table, parts, encoder, dataset, weights, sample=sample)
    return {name: _channel(name, table.take(rows), encoder, dataset, weights) for name, rows in parts.items()}


def _channel(name: str, rows: Table, encoder: Encoder, dataset: Dataset, weights: Weights) -> Channel:
    label = encoder.encode_label(rows[encoder.label])
    groups = groups_of(rows, dataset, np.arange(rows.rows))
    own = column_weights(rows, dataset)
    weigh = training_weights if name == "train" else validation_weights
    return build(
        name,
        features=fitted_to(encoder, rows, dataset) if name == "train" else encoded(encoder, rows),
        label=label if groups is None else np.column_stack([label, groups]).astype(np.float32),
        columns=encoder.columns,
        weights=weigh(weights, label.astype(np.float64), own),
        categorical=encoder.categorical,
        directions=encoder.directions,
    )
