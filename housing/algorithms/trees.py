"""Trees of a fitted model as tables: a row takes tens of microseconds, and predictions equal the library's to the last
bit.

On a small request a library spends most of the time on its own set-up. Here all trees are walked at once
(`tree_walks`), and their leaves are summed in the order in which the library sums them.
"""

from __future__ import annotations

import ctypes
import io
import json
import math
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from housing.algorithms.tree_walks import walk

Link = Literal["none", "exp", "sigmoid", "softmax", "mean"]

MOST_NODES = 1_000_000
"""About 100 MB in the server."""


class UnreadableTreesError(ValueError):
    """A model that cannot be turned into tables; the message says why."""


@dataclass(frozen=True)
class Rule:
    """How leaves become a prediction.

    `base` is where the sum of each output begins or, with `base_last`, what is added to it at the end. `scale` divides
    what is summed, where trees are averaged. With `single`, sums and predictions are float32. `factor` is the
    sigmoid's, or a mean's divisor.
    """

    link: Link
    outputs: int
    base: tuple[float, ...]
    base_last: bool = False
    scale: float = 1.0
    single: bool = True
    factor: float = 1.0


@dataclass(frozen=True)
class Node:
    """A split: rows below `threshold` go left, with `missing_left` those without a value, too."""

    feature: int
    threshold: float
    left: int
    right: int
    missing_left: bool


Tree = Sequence[Node | float]
"""The nodes of a tree, the root first; a number is a leaf."""


class TreeTables:
    """Made by `tables`, or read by `from_bytes`; not safe to call from several threads at once."""

    kind: ClassVar[str] = "trees"

    def __init__(self, arrays: Mapping[str, NDArray[Any]], rule: Rule, width: int) -> None:
        self.width, self.rule = width, rule
        self._arrays = dict(arrays)
        self._walk = walk(arrays, width)
        kind = np.float32 if rule.single else np.float64
        self._base = np.array(rule.base, kind)
        # For each output, the start of its sum, then the leaves.
        self._terms = np.column_stack([self._base, np.zeros(arrays["order"].shape, kind)])
        self._finish = _LINKS[rule.link]

    def predict(self, features: NDArray[np.float32]) -> NDArray[Any]:
        """See `housing.algorithms.base.Model`. Meant for a few rows; for many, the library is faster."""
        found = np.array([self._finish(self._summed(self._walk.leaves(row)), self.rule) for row in features])
        return found[:, 0] if self.rule.outputs == 1 else found

    def _summed(self, leaves: NDArray[Any]) -> NDArray[Any]:
        """(outputs, trees) -> (outputs,), summed one after another: another order would round differently."""
        rule = self.rule
        if rule.base_last:
            total = np.add.accumulate(leaves, axis=1)[:, -1]
            if rule.scale != 1:
                total = total / total.dtype.type(rule.scale)
            ended: NDArray[Any] = total + self._base
            return ended
        self._terms[:, 1:] = leaves if rule.scale == 1 else leaves / leaves.dtype.type(rule.scale)
        return np.add.accumulate(self._terms, axis=1)[:, -1]

    @property
    def steps(self) -> int:
        """The largest number of nodes that a row visits: its cost."""
        return max(int(self._arrays["depth"]), 1) * len(self._arrays["roots"])

    def splits(self) -> tuple[NDArray[np.intp], NDArray[np.float32]]:
        """The columns and thresholds of all splits."""
        kids, columns = self._arrays["kids"], self._arrays["features"].astype(np.intp) % self.width
        are_splits = kids[::2] != np.arange(0, len(kids), 2)
        return columns[::2][are_splits], self._arrays["thresholds"][::2][are_splits]

    def to_bytes(self) -> bytes:
        """The tables as bytes for `from_bytes`, without pickle."""
        file = io.BytesIO()
        about = json.dumps({"width": self.width, "rule": asdict(self.rule)})
        np.savez(file, about=np.frombuffer(about.encode(), np.uint8), **self._arrays)  # type: ignore[arg-type]
        return file.getvalue()

    @classmethod
    def from_bytes(cls, content: bytes) -> TreeTables:
        """The tables that `to_bytes` wrote; raises ValueError for any other bytes."""
        try:
            with np.load(io.BytesIO(content), allow_pickle=False) as file:
                arrays = {name: file[name] for name in file.files}
            about = json.loads(arrays.pop("about").tobytes())
            rule = Rule(**{**about["rule"], "base": tuple(about["rule"]["base"])})
            return cls(arrays, rule, int(about["width"]))
        except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile) as e:
            raise ValueError(f"no tables of trees: {type(e).__name__}") from e


def tables(trees: Sequence[Tree], outputs: Sequence[int], rule: Rule, width: int) -> TreeTables:
    """Tables of trees. `outputs` says which output each tree adds to; the trees of an output are summed in their order.

    Raises UnreadableTreesError for what tables cannot hold.
    """
    sizes = [len(tree) for tree in trees]
    if not trees or sum(sizes) > MOST_NODES:
        raise UnreadableTreesError(f"{sum(sizes)} nodes of {len(trees)} trees")
    starts = np.concatenate([[0], np.cumsum(sizes)[:-1]]).astype(np.int64)
    total = sum(sizes)
    kind = np.float32 if rule.single else np.float64
    features, kids = np.zeros(total, np.int32), np.zeros((total, 2), np.int32)
    thresholds, values = np.zeros(total, np.float32), np.zeros(total, kind)
    for start, tree in zip(starts.tolist(), trees, strict=True):
        for place, node in enumerate(tree, start):
            if isinstance(node, Node):
                if not node.threshold > -math.inf:
                    raise UnreadableTreesError("a split below every number")
                features[place] = node.feature + (0 if node.missing_left else width)
                thresholds[place] = node.threshold
                kids[place] = start + node.left, start + node.right
            else:
                kids[place] = place
                values[place] = node
    return of_arrays(
        roots=starts,
        kids=kids,
        features=features % width,
        thresholds=thresholds,
        missing_left=features < width,
        values=values,
        outputs=np.asarray(outputs),
        rule=rule,
        width=width,
    )


def of_arrays(
    *,
    roots: NDArray[Any],
    kids: NDArray[Any],
    features: NDArray[Any],
    thresholds: NDArray[np.float32],
    missing_left: NDArray[np.bool_],
    values: NDArray[Any],
    outputs: NDArray[Any],
    rule: Rule,
    width: int,
) -> TreeTables:
    """As `tables`, from flat arrays of nodes; a leaf is its own child on both sides. `outputs` has an entry for each of
    the `roots`.

    Raises UnreadableTreesError as `tables` does.
    """
    counts = np.bincount(outputs, minlength=rule.outputs)
    if len(set(counts.tolist())) > 1:
        raise UnreadableTreesError("outputs of unequal numbers of trees")
    order = np.argsort(outputs, kind="stable").reshape(rule.outputs, -1)
    arrays: dict[str, NDArray[Any]] = {
        "roots": roots * 2,
        "kids": (kids.astype(np.int32) * 2).reshape(-1),
        "features": np.repeat(np.where(missing_left, features, features + width).astype(np.int32), 2),
        "thresholds": np.repeat(thresholds, 2),
        "values": np.repeat(values, 2),
        "depth": np.array(_depth(roots, kids)),
        "order": order,
    }
    return TreeTables(arrays, rule, width)


def _depth(roots: NDArray[Any], kids: NDArray[Any]) -> int:
    deepest, level = 0, roots
    # A node may have several parents.
    while len(level := np.unique(kids[level[kids[level, 0] != level]])):
        deepest += 1
    return deepest


def _exp32() -> Callable[[float], float]:
    """The C library's `expf`; numpy's differs from it in the last bit."""
    try:
        found = ctypes.CDLL(None).expf
    except (OSError, AttributeError, TypeError):
        return lambda value: float(np.exp(np.float32(value)))
    found.argtypes, found.restype = [ctypes.c_float], ctypes.c_float
    return found


_expf = _exp32()


def _exp64(value: float) -> float:
    try:
        return math.exp(value)
    except OverflowError:
        return math.inf


def _none(margin: NDArray[Any], _rule: Rule) -> NDArray[Any]:
    return margin


def _exp(margin: NDArray[Any], rule: Rule) -> NDArray[Any]:
    exp = _expf if rule.single else _exp64
    return np.array([exp(one) for one in margin.tolist()], margin.dtype)


def _sigmoid(margin: NDArray[Any], rule: Rule) -> NDArray[Any]:
    if rule.single:
        powers = [_expf(min(-one, 88.7)) for one in margin.tolist()]
        return np.float32(1) / (np.array(powers, np.float32) + np.float32(1) + np.float32(1e-16))
    return np.array([1.0 / (1.0 + _exp64(-rule.factor * one)) for one in margin.tolist()])


def _softmax(margin: NDArray[Any], rule: Rule) -> NDArray[Any]:
    powers = _exp(margin - margin.max(), rule)
    chances: NDArray[Any] = powers / margin.dtype.type(sum(powers.tolist()))
    return chances


_LINKS: dict[str, Callable[[NDArray[Any], Rule], NDArray[Any]]] = {
    "none": _none,
    "exp": _exp,
    "sigmoid": _sigmoid,
    "softmax": _softmax,
    "mean": lambda margin, rule: margin / rule.factor,
}
