"""CatBoost's trees as tables, read from a model exported to JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from housing.algorithms.trees import MOST_NODES, Link, Node, Rule, Tree, TreeTables, UnreadableTreesError, tables

_LINKS: Mapping[str, Link] = {"RMSE": "none", "MAE": "none", "MAPE": "none", "Logloss": "sigmoid"}


def read(model: bytes) -> TreeTables:
    """Tables from a model file's bytes. Raises UnreadableTreesError for a model that has no such form."""
    about = _as_json(model)
    loss = about["model_info"]["params"]["loss_function"]["type"]
    scale, base = about["scale_and_bias"]
    # For several classes the library uses its own approximation of the exponential.
    if loss not in _LINKS or scale != 1 or len(base) != 1:
        raise UnreadableTreesError(f"loss {loss}")
    features = about["features_info"]
    if features.get("categorical_features"):
        raise UnreadableTreesError("splits by levels")
    leaves = sum(len(tree["leaf_values"]) for tree in about.get("oblivious_trees", ()))
    if 2 * leaves > MOST_NODES:
        raise UnreadableTreesError(f"{leaves} leaves of trees, more than {MOST_NODES // 2}")
    goes_right = {one["feature_index"]: one["nan_value_treatment"] == "AsTrue" for one in features["float_features"]}
    trees = [_symmetric(tree, goes_right) for tree in about.get("oblivious_trees", ())]
    trees += [_any_shape(tree, goes_right) for tree in about.get("trees", ())]
    rule = Rule(_LINKS[loss], 1, tuple(base), base_last=True, single=False)
    return tables(trees, [0] * len(trees), rule, len(features["float_features"]))


def _as_json(model: bytes) -> Mapping[str, Any]:
    import catboost

    try:
        found = catboost.CatBoost().load_model(blob=model)
    except catboost.CatBoostError as error:
        raise UnreadableTreesError(f"not a CatBoost model: {error}") from error
    with TemporaryDirectory(prefix="housing-") as folder:
        file = Path(folder, "model.json")
        try:
            found.save_model(str(file), format="json")
        except catboost.CatBoostError as error:
            raise UnreadableTreesError(f"no JSON: {error}") from error
        about: Mapping[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return about


def _symmetric(tree: Mapping[str, Any], goes_right: Mapping[int, bool]) -> Tree:
    """All nodes of a depth share one split; the first split decides the lowest bit of a leaf's index."""
    splits: Sequence[Mapping[str, Any]] = tree["splits"] or ()
    nodes: list[Node | float] = []
    for level, split in enumerate(reversed(splits)):
        for place in range(first := 2**level - 1, 2 * first + 1):
            nodes.append(_node(split, 2 * place + 1, 2 * place + 2, goes_right))
    return [*nodes, *tree["leaf_values"]]


def _any_shape(tree: Mapping[str, Any], goes_right: Mapping[int, bool]) -> Tree:
    nodes: list[Node | float] = []
    waiting = [tree]
    begun = 1
    for here in waiting:  # grows inside the loop
        if "split" in here:
            nodes.append(_node(here["split"], begun, begun + 1, goes_right))
            waiting += [here["left"], here["right"]]
            begun += 2
        else:
            nodes.append(float(here["value"]))
    return nodes


def _node(split: Mapping[str, Any], left: int, right: int, goes_right: Mapping[int, bool]) -> Node:
    if split["split_type"] != "FloatFeature":
        raise UnreadableTreesError("splits by levels")
    feature = int(split["float_feature_index"])
    # Rows above the border go right; above the largest number there is none.
    with np.errstate(over="ignore"):
        threshold = float(np.nextafter(np.float32(split["border"]), np.float32(np.inf)))
    return Node(feature, threshold, left, right, missing_left=not goes_right[feature])
