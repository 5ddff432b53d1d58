"""A booster's trees as tables, read from XGBoost's JSON format."""

from __future__ import annotations

import ctypes
import json
import math
from collections.abc import Callable, Mapping
from typing import Any

from housing.algorithms import level_splits
from housing.algorithms.trees import Link, Node, Rule, Tree, TreeTables, UnreadableTreesError, tables

_LINKS: Mapping[str, Link] = {
    "reg:squarederror": "none",
    "reg:squaredlogerror": "none",
    "reg:absoluteerror": "none",
    "reg:pseudohubererror": "none",
    "reg:quantileerror": "none",
    "rank:ndcg": "none",
    "rank:pairwise": "none",
    "binary:logistic": "sigmoid",
    "count:poisson": "exp",
    "reg:gamma": "exp",
    "reg:tweedie": "exp",
    "survival:cox": "exp",
    "survival:aft": "exp",
    "multi:softprob": "softmax",
}
_LEAF = -1


def read(model: bytes) -> TreeTables:
    """Tables from the bytes of `Booster.save_raw("json")`. Raises UnreadableTreesError for a model that has no such
    form.
    """
    learner = json.loads(model)["learner"]
    booster, objective = learner["gradient_booster"], learner["objective"]["name"]
    if booster["name"] not in ("gbtree", "dart") or objective not in _LINKS:
        raise UnreadableTreesError(f"{booster['name']} with {objective}")
    is_dart = booster["name"] == "dart"
    about, found = learner["learner_model_param"], booster["gbtree" if is_dart else "model"]
    found = found["model"] if is_dart else found
    outputs = max(int(about["num_class"]), int(about["num_target"]), 1)
    link = _LINKS[objective]
    base = json.loads(about["base_score"])
    base = [base] if isinstance(base, float | int) else base
    rule = Rule(link, outputs, tuple(_margin(one, link) for one in base * (outputs if len(base) == 1 else 1)))
    if len(rule.base) != outputs:
        raise UnreadableTreesError("a base for some outputs alone")
    if is_dart:
        bases = [rule.base[output] for output in found["tree_info"]]
        leaves = [_of_dart(weight, base) for weight, base in zip(booster["weight_drop"], bases, strict=True)]
    else:
        leaves = [_as_written] * len(found["trees"])
    trees = [_tree(one, leaf) for one, leaf in zip(found["trees"], leaves, strict=True)]
    return tables(trees, found["tree_info"], rule, int(about["num_feature"]))


def _tree(tree: Mapping[str, Any], leaf: Callable[[float], float]) -> Tree:
    if int(tree["tree_param"]["size_leaf_vector"]) > 1:
        raise UnreadableTreesError("leaves of several outputs")
    rules = zip(
        tree["split_indices"],
        tree["split_conditions"],
        tree["left_children"],
        tree["right_children"],
        tree["default_left"],
        strict=True,
    )
    nodes = [
        leaf(value) if left == _LEAF else Node(feature, value, left, right, bool(missing_left))
        for feature, value, left, right, missing_left in rules
    ]
    segments = zip(tree["categories_nodes"], tree["categories_segments"], tree["categories_sizes"], strict=True)
    for place, begin, size in segments:
        split = nodes[place]
        assert isinstance(split, Node)
        first, *others = level_splits.nodes(
            split.feature,
            level_splits.ranges(tree["categories"][begin : begin + size]),
            within=split.right,
            beside=split.left,
            missing_within=not split.missing_left,
            free=len(nodes),
        )
        nodes[place] = first
        nodes += others
    return nodes


def _as_written(leaf: float) -> float:
    return leaf


def _of_dart(weight: float, base: float) -> Callable[[float], float]:
    """A leaf as dart computes it: the library adds the base and subtracts it again, which rounds."""

    def single(value: float) -> float:
        return ctypes.c_float(value).value

    return lambda leaf: single(single(single(single(base) + single(leaf)) - single(base)) * single(weight))


def _margin(base: float, link: Link) -> float:
    """The base score, stored on the scale of predictions, as a margin; computed in float32, like the library."""
    if link == "exp":
        return _log(base)
    if link == "sigmoid":
        single = ctypes.c_float
        odds = single(single(1 / single(base).value).value - 1).value
        return -_log(odds)
    return base


def _log(value: float) -> float:
    try:
        log = ctypes.CDLL(None).logf
    except (OSError, AttributeError, TypeError):
        return math.log(value)
    log.argtypes, log.restype = [ctypes.c_float], ctypes.c_float
    return float(log(value))
