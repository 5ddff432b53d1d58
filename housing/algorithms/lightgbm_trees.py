"""A booster's trees as tables, read from LightGBM's text format."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from housing.algorithms import level_splits
from housing.algorithms.trees import Link, Node, Rule, Tree, TreeTables, UnreadableTreesError, tables

_LINKS: Mapping[str, Link] = {
    "regression": "none",
    "regression_l1": "none",
    "huber": "none",
    "fair": "none",
    "quantile": "none",
    "mape": "none",
    "lambdarank": "none",
    "rank_xendcg": "none",
    "poisson": "exp",
    "gamma": "exp",
    "tweedie": "exp",
    "binary": "sigmoid",
    "multiclass": "softmax",
}
_ZERO = np.float32(1e-35)
# The library truncates a number towards zero to get its level.
_ABOVE_MINUS_ONE = float(np.nextafter(np.float32(-1), np.float32(0)))
_CATEGORICAL, _DEFAULT_LEFT, _NO_MISSING, _NAN = 1, 2, 0, 2


def read(model: bytes) -> TreeTables:
    """Tables from a model file's bytes. Raises UnreadableTreesError for a model that has no such form."""
    head, *sections = model.decode().partition("\nend of trees")[0].split("\nTree=")
    about = _keys(head)
    objective, *options = about.get("objective", "").split()
    if objective not in _LINKS or "sqrt" in options:
        raise UnreadableTreesError(f"objective {about.get('objective')}")
    each = int(about["num_tree_per_iteration"])
    factor = next((float(one.partition(":")[2]) for one in options if one.startswith("sigmoid:")), 1.0)
    rounds = len(sections) // each
    rule = Rule(
        _LINKS[objective],
        each,
        (0.0,) * each,
        base_last="average_output" in head.split("\n"),
        scale=rounds if "average_output" in head.split("\n") else 1.0,
        single=False,
        factor=factor,
    )
    outputs = [place % each for place in range(len(sections))]
    return tables([_tree(_keys(section)) for section in sections], outputs, rule, int(about["max_feature_idx"]) + 1)


def _keys(text: str) -> dict[str, str]:
    pairs = (line.partition("=") for line in text.split("\n"))
    return {name: value for name, equals, value in pairs if equals}


def _tree(keys: Mapping[str, str]) -> Tree:
    if int(keys.get("is_linear", 0)):
        raise UnreadableTreesError("leaves that are linear")
    leaves = [float(one) for one in keys["leaf_value"].split()]
    if int(keys["num_leaves"]) == 1:
        return leaves[:1]
    splits = len(leaves) - 1

    def place(child: str) -> int:
        """The node's index, leaves after splits; the library numbers leaves from -1 downwards."""
        return int(child) if int(child) >= 0 else splits + ~int(child)

    kids = zip(keys["left_child"].split(), keys["right_child"].split(), strict=True)
    rules = zip(keys["split_feature"].split(), keys["threshold"].split(), keys["decision_type"].split(), strict=True)
    nodes: list[Node | float] = []
    others: list[Node] = []
    for (feature, threshold, kind), (left, right) in zip(rules, kids, strict=True):
        if int(kind) & _CATEGORICAL:
            # Missing values, and levels that are not in the set, go right.
            first, *more = level_splits.nodes(
                int(feature),
                level_splits.ranges(_levels(keys, int(threshold)), zero_from=_ABOVE_MINUS_ONE),
                within=place(left),
                beside=place(right),
                missing_within=False,
                free=splits + len(leaves) + len(others),
            )
            nodes.append(first)
            others += more
        else:
            nodes.append(_node(int(feature), float(threshold), int(kind), place(left), place(right)))
    return [*nodes, *leaves, *others]


def _levels(keys: Mapping[str, str], number: int) -> list[int]:
    """The levels in the set of this number, which is stored as a bit set in 32-bit words."""
    begin, end = map(int, keys["cat_boundaries"].split()[number : number + 2])
    words = [int(word) for word in keys["cat_threshold"].split()[begin:end]]
    return [32 * place + bit for place, word in enumerate(words) for bit in range(32) if word >> bit & 1]


def _node(feature: int, threshold: float, kind: int, left: int, right: int) -> Node:
    missing = kind >> 2 & 3
    if missing not in (_NO_MISSING, _NAN):
        raise UnreadableTreesError("splits that take zeros for missing")
    # Without a rule for missing values they count as zeros.
    missing_left = bool(kind & _DEFAULT_LEFT) if missing == _NAN else threshold >= 0
    return Node(feature, _just_above(threshold), left, right, missing_left)


def _just_above(threshold: float) -> float:
    """The float32 for which `x < it` holds for the same float32 numbers x as `x <= threshold`.

    The library reads numbers of magnitude up to `_ZERO` as 0.
    """
    with np.errstate(over="ignore"):
        nearest = np.float32(threshold)
        if float(nearest) > threshold:  # the comparison is in float64: numpy would round the threshold to float32 first
            nearest = np.nextafter(nearest, np.float32(-np.inf))
        above = np.nextafter(nearest, np.float32(np.inf))
        if -_ZERO < above <= 0:
            return float(-_ZERO)
        return float(np.nextafter(_ZERO, np.float32(np.inf)) if 0 < above <= _ZERO else above)
