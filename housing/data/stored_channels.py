"""Channels of a table that stays on disk: its rows are encoded block by block, to disk again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

from housing.data.channel import Channel, ChannelContent
from housing.data.description import Dataset
from housing.data.encoder import Encoder
from housing.data.fitted_rows import means_of_others
from housing.data.samples import Sample
from housing.data.stored_matrix import StoredMatrix
from housing.data.table import Table
from housing.data.table_cache import cannot_be_written, folder
from housing.data.weights import Weights, column_weights, training_weights, validation_weights
from housing.in_order import in_order

Rows = NDArray[np.int64]


def stored_channels(
    table: Table,
    parts: Mapping[str, Rows],
    encoder: Encoder,
    dataset: Dataset,
    weights: Weights,
    *,
    sample: Sample | None = None,
) -> dict[str, Channel]:
    """A channel for the ascending rows of each part, in one pass through the table, which also fills `sample`.

    Raises DataError.
    """
    channels = {}
    for name, rows in parts.items():
        taken = table.take(rows)
        label = encoder.encode_label(taken[encoder.label])
        weigh = training_weights if name == "train" else validation_weights
        of_rows = weigh(weights, label.astype(np.float64), column_weights(taken, dataset))
        means = means_of_others(encoder, taken, dataset) if name == "train" else {}
        channels[name] = _Encoding(ChannelContent(name, encoder.columns, label, of_rows), rows, encoder, means)
    names = encoder.required if sample is None else [*dict.fromkeys([*encoder.required, *dataset.inputs])]

    def add(placed: tuple[Table, int]) -> None:
        for one in channels.values():
            one.add(*placed)
        if sample is not None:
            sample.add(*placed)

    for _ in in_order(add, _with_places(table.blocks(names)), at_once=1):  # while the next block is read
        pass
    return {name: one.finished() for name, one in channels.items()}


def _with_places(blocks: Iterator[Table]) -> Iterator[tuple[Table, int]]:
    """Each block, and the table's row that is its first."""
    begin = 0
    for block in blocks:
        yield block, begin
        begin += block.rows


class _Encoding:
    """Encodes one channel. `means` replaces the encoded columns that begin at its keys."""

    def __init__(
        self, content: ChannelContent, rows: Rows, encoder: Encoder, means: Mapping[int, NDArray[np.float64]]
    ) -> None:
        self._content, self._rows, self._encoder, self._means = content, rows, encoder, means
        with cannot_be_written("the encoded rows"):
            self._matrix = StoredMatrix(folder(), len(encoder.columns))

    def add(self, block: Table, begin: int) -> None:
        """Encode the channel's rows in this block, whose first row is the table's row `begin`."""
        first, last = np.searchsorted(self._rows, [begin, begin + block.rows]).tolist()
        if first == last:
            return
        features = self._encoder.transform(block.take(self._rows[first:last] - begin))
        for start, found in self._means.items():
            features[:, start : start + found.shape[1]] = found[first:last]
        kept = self._content.added(features)
        with cannot_be_written("the encoded rows"):
            self._matrix.add(kept)

    def finished(self) -> Channel:
        encoder = self._encoder
        return Channel(
            self._content.name,
            self._matrix.whole(),
            self._content.label,
            encoder.columns,
            self._content.finished(encoder.categorical, encoder.directions),
            self._content.weights,
            encoder.categorical,
            encoder.directions,
            self._matrix,
        )
