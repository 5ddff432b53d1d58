"""A channel: one part of a table, encoded, as a training job reads it: the label first, then weights, if any."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from housing import files
from housing.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np
    from numpy.typing import NDArray

    from housing.data.stored_matrix import StoredMatrix

_LEAST_IN_DIGITS, _MOST_IN_DIGITS = 1e-10, 1e18
"""XGBoost's CSV reader takes at most 19 digits before and after the point."""


@dataclass(frozen=True, eq=False)
class Channel:
    """`features` is (rows, columns) float32 with NaN for missing; `label` is (rows,) float32, already transformed; of a
    ranking it is (rows, 2), with the number of each row's group.

    `weights` (rows,) say how much each row counts in a fit; None: all alike. `categorical` are the indices of columns
    that hold codes of levels; `directions` has for each column 1 or -1 where predictions only rise or fall with it,
    else 0, and is empty where there is no such column. With `stored`, the features are on disk and `features` is a
    memory map; use `batches` to read all of them.
    """

    name: str
    features: NDArray[np.float32]
    label: NDArray[np.float32]
    columns: tuple[str, ...]
    digest: str
    weights: NDArray[np.float32] | None = None
    categorical: tuple[int, ...] = ()
    directions: tuple[int, ...] = ()
    stored: StoredMatrix | None = None

    def batches(self) -> Iterator[NDArray[np.float32]]:
        """The features, in batches of rows where they are on disk, else at once."""
        if self.stored is None:
            yield self.features
        else:
            yield from self.stored.batches()


def build(
    name: str,
    *,
    features: NDArray[np.float32],
    label: NDArray[np.float32],
    columns: tuple[str, ...],
    weights: NDArray[np.float32] | None = None,
    categorical: tuple[int, ...] = (),
    directions: tuple[int, ...] = (),
) -> Channel:
    """A channel with the SHA-256 of its values and of its columns' properties.

    Raises DataError on values that no model can be fitted to.
    """

    if features.shape != (len(label), len(columns)):
        raise DataError(
            f"channel {name}: {features.shape} features for {len(label):,} labels and {len(columns):,} columns"
        )
    content = ChannelContent(name, columns, label, weights)
    features = content.added(features)
    found = content.finished(categorical, directions)
    return Channel(name, features, content.label, columns, found, content.weights, categorical, directions)


class ChannelContent:
    """Checks and digests a channel's content: first its label, then batches of features, then the rest.

    Raises DataError on values that no model can be fitted to.
    """

    def __init__(
        self,
        name: str,
        columns: tuple[str, ...],
        label: NDArray[np.float32],
        weights: NDArray[np.float32] | None,
    ) -> None:
        import numpy as np

        self.name = name
        self.label = np.ascontiguousarray(label, dtype=np.float32)
        self.weights = None if weights is None else np.ascontiguousarray(weights, dtype=np.float32)
        if not np.isfinite(self.label).all():
            self._refuse_infinite()
        if weights is not None and (weights.shape != label.shape or not (np.isfinite(weights) & (weights > 0)).all()):
            raise DataError(f"channel {name}: there must be a weight for every row, finite and more than 0")
        self._found = hashlib.sha256("\0".join((*columns, str(len(label)))).encode())
        self._found.update(self.label.astype("<f4", copy=False).data)

    def added(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        """Add the next rows; returns them in the form to be kept."""
        import numpy as np

        kept = np.ascontiguousarray(features, dtype=np.float32)
        if kept.size and not np.isfinite([kept.min(), kept.max()]).all():
            if np.isinf(kept).any():
                self._refuse_infinite()
            kept = _with_one_nan(kept)
        self._found.update(kept.astype("<f4", copy=False).data)
        return kept

    def finished(self, categorical: tuple[int, ...], directions: tuple[int, ...]) -> str:
        """The SHA-256 of all content, and of the columns' properties."""
        if self.weights is not None:
            self._found.update(self.weights.astype("<f4", copy=False).data)
        if categorical or directions:
            self._found.update(repr((categorical, directions)).encode())
        return self._found.hexdigest()

    def _refuse_infinite(self) -> None:
        raise DataError(
            f"channel {self.name}: a feature is infinite, or a label is not finite, in 32-bit floating point"
        )


def _with_one_nan(features: NDArray[np.float32]) -> NDArray[np.float32]:
    """The features with one bit pattern for NaN, so that equal channels have equal digests; copied only if needed."""
    import numpy as np

    missing = np.isnan(features)
    usual = np.float32(np.nan).view(np.uint32)
    if (features.view(np.uint32)[missing] == usual).all():
        return features
    return np.where(missing, np.float32(np.nan), features)


def write_csv(channel: Channel, path: Path) -> None:
    """Write CSV for SageMaker's built-in XGBoost: label first, no header, no index, no quotes, empty for missing.

    Weights, if any, are the second column (the container's `csv_weights=1`). The container silently takes text for
    missing and a header for a row, so the file is read back and compared before it gets its name. Raises DataError when
    it differs.
    """
    matrix = _matrix(channel)
    path.parent.mkdir(parents=True, exist_ok=True)
    with files.replacing(path, mode=0o600) as file:
        file.write(csv_text(matrix).encode("ascii"))
        file.flush()
        if not _same_bits(_parsed(Path(file.name)), matrix):
            raise DataError(f"{path}: the CSV written does not read back as channel {channel.name}")


def read_csv(path: Path, *, name: str, columns: tuple[str, ...] | None = None, weighed: bool = False) -> Channel:
    """The channel that `write_csv` wrote, identical in every bit. Raises DataError for any other file.

    `weighed`: the second column holds weights. Without `columns`, columns have no names.
    """
    if columns is None:
        with path.open("rb") as file:
            columns = tuple(f"c{place}" for place in range(file.readline().count(b",") - weighed))
    return _channel(path, _parsed, name=name, columns=columns, weighed=weighed)


def write_npy(channel: Channel, path: Path) -> None:
    """Write the same float32 matrix as `write_csv`, in numpy's own format."""
    import numpy as np

    path.parent.mkdir(parents=True, exist_ok=True)
    with files.replacing(path, mode=0o600) as file:
        np.save(file, _matrix(channel), allow_pickle=False)


def read_npy(path: Path, *, name: str, columns: tuple[str, ...], weighed: bool = False) -> Channel:
    """The channel that `write_npy` wrote, identical in every bit. Raises DataError for any other file."""
    import numpy as np

    read = partial(np.load, allow_pickle=False)
    return _channel(path, read, name=name, columns=columns, weighed=weighed)


def csv_text(matrix: NDArray[np.float32]) -> str:
    """Rows of float32 as CSV that reads back as the same bits: no header, empty for NaN."""
    import numpy as np

    # Bits rather than values, so that -0 keeps its sign. Cells repeat (one-hot, counts): format each value once.
    bits, where = np.unique(matrix.view(np.uint32), return_inverse=True)
    texts = np.array([_text(value) for value in bits.view(np.float32)], dtype=object)
    return "".join([",".join(row) + "\n" for row in texts[where.reshape(matrix.shape)].tolist()])


def _channel(
    path: Path, read: Callable[[Path], NDArray[np.float32]], *, name: str, columns: tuple[str, ...], weighed: bool
) -> Channel:
    try:
        matrix = read(path)
    except (OSError, ValueError, EOFError) as error:
        raise DataError(f"{path}: is not a whole channel: {error}") from None
    width, first = matrix.shape[1] if matrix.ndim == 2 else 0, 2 if weighed else 1
    if width != len(columns) + first or matrix.dtype != "float32":
        before = "the label, the weight" if weighed else "the label"
        raise DataError(f"{path}: has {width:,} columns of {matrix.dtype}, wanted {before} and {len(columns)} features")
    weights = matrix[:, 1] if weighed else None
    return build(name, features=matrix[:, first:], label=matrix[:, 0], columns=columns, weights=weights)


def _matrix(channel: Channel) -> NDArray[np.float32]:
    import numpy as np

    weights = () if channel.weights is None else (channel.weights,)
    return np.column_stack([channel.label, *weights, channel.features])


def _text(value: np.float32) -> str:
    """A text that reads back as this value; empty for NaN.

    The shortest text would do for an exact parser. XGBoost's CSV reader, in the container, parses whole part and
    fraction as float32 and adds them, so that `1.2345679` or `1e-05` comes out some bits off. Written with all digits,
    as far as that reader takes them, it does not.
    """
    import numpy as np

    if np.isnan(value):
        return ""
    if value == 0 or _LEAST_IN_DIGITS <= abs(value) < _MOST_IN_DIGITS:
        return np.format_float_positional(np.float64(value), trim="-")
    return str(value)


def _parsed(path: Path) -> NDArray[np.float32]:
    import numpy as np

    with path.open(encoding="ascii", newline="\n") as file:
        rows = [[float(cell or "nan") for cell in line.rstrip("\n").split(",")] for line in file]
    return np.array(rows, dtype=np.float32)


def _same_bits(one: NDArray[np.float32], other: NDArray[np.float32]) -> bool:
    import numpy as np

    return one.shape == other.shape and bool((one.view(np.uint32) == other.view(np.uint32)).all())
