"""Trees of a fitted model as tables: a row takes tens of microseconds, and the answer is its library's to the last bit.

A library spends most of a small request on preparing itself. Here all trees take one step down at once, by a handful of
numpy calls a level, and their leaves are summed in the order in which the library sums them.
"""

from __future__ import annotations

import ctypes
import io
import json
import math
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Link = Literal["none", "exp", "sigmoid", "softmax"]

FORMAT = 1
"""Of the bytes; another where tables answer otherwise."""

MOST_NODES = 4_000_000


class UnreadableTreesError(ValueError):
    """Why a model has no tables."""


@dataclass(frozen=True)
class Rule:
    """How leaves become an answer.

    `base` is where the sum of each output begins, or what is added to it, `base_last`. `scale` divides it, where trees
    are averaged. `single` sums in 32 bits, and answers so. `factor` is of the sigmoid.
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
    """A split: rows below `threshold` go left. `missing_left`: those without a value do."""

    feature: int
    threshold: float
    left: int
    right: int
    missing_left: bool


Tree = Sequence[Node | float]
"""Its nodes, the root first; a number is a leaf."""


class TreeTables:
    """Safe to call from several threads; made by `tables`, or read by `from_bytes`."""

    def __init__(self, arrays: Mapping[str, NDArray[Any]], rule: Rule, width: int) -> None:
        self.width, self.rule = width, rule
        self._arrays = dict(arrays)
        # Positions are doubled: that of a node's left child in `kids` is the node itself, the right one follows.
        self._roots, self._kids = arrays["roots"].astype(np.intp), arrays["kids"].astype(np.intp)
        self._thresholds, self._values = arrays["thresholds"], arrays["values"]
        self._features = arrays["features"].astype(np.intp)
        self._any_feature = self._features % width
        self._depth = int(arrays["depth"])
        self._order = arrays["order"].astype(np.intp)
        kind = np.float32 if rule.single else np.float64
        self._base = np.array(rule.base, kind)
        self._finish = _LINKS[rule.link]

    def predict(self, features: NDArray[np.float32]) -> NDArray[Any]:
        """See `housing.algorithms.base.Model`: for a few rows; many are quicker by the library."""
        found = np.array([self._row(row) for row in features])
        return found[:, 0] if self.rule.outputs == 1 else found

    def _row(self, row: NDArray[np.float32]) -> NDArray[Any]:
        features, thresholds, kids = self._any_feature, self._thresholds, self._kids
        missing = np.isnan(row)
        if missing.any():
            # A value below all thresholds goes left, one above all goes right: each node reads the one it means.
            row = np.concatenate([np.where(missing, -np.inf, row), np.where(missing, np.inf, row)])
            features = self._features
        node, count = self._roots.copy(), len(self._roots)
        columns, step = np.empty(count, np.intp), np.empty(count, np.intp)
        values, limits, right = np.empty(count, row.dtype), np.empty(count, np.float32), np.empty(count, np.bool_)
        for _ in range(self._depth):
            # Into arrays that exist and without a check of bounds: half the time.
            features.take(node, out=columns, mode="clip")
            row.take(columns, out=values, mode="clip")
            thresholds.take(node, out=limits, mode="clip")
            np.greater_equal(values, limits, out=right)
            np.add(node, right, out=step)
            kids.take(step, out=node, mode="clip")
        leaves = self._values.take(node.take(self._order))
        return self._finish(self._summed(leaves), self.rule)

    def _summed(self, leaves: NDArray[Any]) -> NDArray[Any]:
        """(outputs,) of (outputs, trees), one after another: in another order they would round otherwise."""
        rule = self.rule
        if rule.base_last:
            total = np.add.accumulate(leaves, axis=1)[:, -1]
            if rule.scale != 1:
                total = total / total.dtype.type(rule.scale)
            ended: NDArray[Any] = total + self._base
            return ended
        if rule.scale != 1:
            leaves = leaves / leaves.dtype.type(rule.scale)
        return np.add.accumulate(np.column_stack([self._base, leaves]), axis=1)[:, -1]

    @property
    def steps(self) -> int:
        """How many nodes a row passes at most: what it costs."""
        return max(self._depth, 1) * len(self._roots)

    def splits(self) -> tuple[NDArray[np.intp], NDArray[np.float32]]:
        """The columns and thresholds of all splits."""
        are_splits = self._kids[::2] != np.arange(0, len(self._kids), 2)
        return self._any_feature[::2][are_splits], self._thresholds[::2][are_splits]

    def to_bytes(self) -> bytes:
        """For `from_bytes`; no pickle."""
        file = io.BytesIO()
        about = json.dumps({"width": self.width, "rule": asdict(self.rule)})
        np.savez(file, about=np.frombuffer(about.encode(), np.uint8), **self._arrays)  # type: ignore[arg-type]
        return file.getvalue()

    @classmethod
    def from_bytes(cls, content: bytes) -> TreeTables:
        """Raises ValueError where these are not the bytes of `to_bytes`."""
        try:
            with np.load(io.BytesIO(content), allow_pickle=False) as file:
                arrays = {name: file[name] for name in file.files}
            about = json.loads(arrays.pop("about").tobytes())
            rule = Rule(**{**about["rule"], "base": tuple(about["rule"]["base"])})
            return cls(arrays, rule, int(about["width"]))
        except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile) as e:
            raise ValueError(f"no tables of trees: {type(e).__name__}") from e


def tables(trees: Sequence[Tree], outputs: Sequence[int], rule: Rule, width: int) -> TreeTables:
    """`outputs` is which output each tree adds to; the trees of each are summed in their order.

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
    counts = np.bincount(outputs, minlength=rule.outputs)
    if len(set(counts.tolist())) > 1:
        raise UnreadableTreesError("outputs of unequal numbers of trees")
    order = np.argsort(np.asarray(outputs), kind="stable").reshape(rule.outputs, -1)
    arrays: dict[str, NDArray[Any]] = {
        "roots": starts * 2,
        "kids": (kids * 2).reshape(-1),
        "features": np.repeat(features, 2),
        "thresholds": np.repeat(thresholds, 2),
        "values": np.repeat(values, 2),
        "depth": np.array(max(map(_depth, trees))),
        "order": order,
    }
    return TreeTables(arrays, rule, width)


def _depth(tree: Tree) -> int:
    deepest, level = 0, [0]
    while level := [kid for one in level if isinstance(node := tree[one], Node) for kid in (node.left, node.right)]:
        deepest += 1
    return deepest


def _exp32() -> Callable[[float], float]:
    """The C library's, which numpy's own differs from in the last bit."""
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
}
