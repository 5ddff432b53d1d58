"""The hyperparameters that SageMaker's XGBoost takes: names, ranges, what may be tuned, and its error messages.

After `hyperparameter_validation.py` of aws/sagemaker-xgboost-container. Values arrive as strings.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from housing.rehearsal.container.errors import UserError

MAXIMIZED = (
    *("accuracy", "auc", "aucpr", "balanced_accuracy", "f1", "f1_binary", "f1_macro", "map", "ndcg", "precision"),
    *("r2", "recall", "precision_macro", "precision_micro", "recall_macro", "recall_micro"),
)
MINIMIZED = (
    *("aft-nloglik", "cox-nloglik", "error", "gamma-deviance", "gamma-nloglik", "interval-regression-accuracy"),
    *("logloss", "mae", "mape", "merror", "mlogloss", "mphe", "mse", "poisson-nloglik", "rmse", "rmsle"),
    "tweedie-nloglik",
)
OBJECTIVES = (
    *("aft_loss_distribution", "binary:logistic", "binary:logitraw", "binary:hinge", "count:poisson"),
    *("multi:softmax", "multi:softprob", "rank:pairwise", "rank:ndcg", "rank:map", "reg:linear", "reg:squarederror"),
    *("reg:logistic", "reg:gamma", "reg:pseudohubererror", "reg:squaredlogerror", "reg:absoluteerror"),
    *("reg:tweedie", "survival:aft", "survival:cox"),
)
ALIASES = {"learning_rate": "eta", "min_split_loss": "gamma", "reg_lambda": "lambda", "reg_alpha": "alpha"}

Kind = Literal["Integer", "Continuous", "Categorical", "FreeText"]
Given = Mapping[str, Any]


@dataclass(frozen=True)
class Interval:
    """Numbers between `low` and `high`, which are included unless `open`; None: unbounded."""

    low: float | None = None
    high: float | None = None
    low_open: bool = False
    high_open: bool = False

    def __contains__(self, value: float) -> bool:
        above = self.low is None or (value > self.low if self.low_open else value >= self.low)
        below = self.high is None or (value < self.high if self.high_open else value <= self.high)
        return above and below

    def __str__(self) -> str:
        low = "(-inf" if self.low is None else f"{'(' if self.low_open else '['}{self.low}"
        high = "+inf)" if self.high is None else f"{self.high}{')' if self.high_open else ']'}"
        return f"{low}, {high}"


@dataclass(frozen=True)
class Rule:
    """One hyperparameter. `allowed` applies to each element of a list; `agrees` gets those of `needs` that were given.

    `tuned` is the range that AWS recommends for tuning; None: it cannot be tuned.
    """

    kind: Kind
    parse: Callable[[str], Any]
    allowed: Collection[Any] | Interval
    tuned: Interval | None = None
    required: bool = False
    needs: tuple[str, ...] = ()
    agrees: Callable[[Any, Given], None] | None = None

    def check(self, name: str, value: Any) -> None:
        """Raises UserError for a value that is not allowed."""
        elements = _flat(value)
        if name == "eval_metric":
            inside = all(_is_metric(element) for element in elements)
        else:
            inside = all(element in self.allowed for element in elements)
        if not inside:
            is_list = isinstance(value, list | tuple)
            told = self.allowed if isinstance(self.allowed, Interval) else list(self.allowed)
            raise UserError(f"Hyperparameter {name}: {'value ' if is_list else ''}{value} {_outside(is_list)} {told}")


def validated(given: Mapping[str, str]) -> dict[str, Any]:
    """The values as XGBoost takes them, with aliases resolved. Raises UserError in the container's words.

    A metric without an objective raises KeyError, as in the container.
    """
    named = {ALIASES.get(name, name): value for name, value in given.items()}
    for name, rule in RULES.items():
        if rule.required and name not in named:
            raise UserError(f"Missing required hyperparameter: {name}")
    values: dict[str, Any] = {}
    for name, text in named.items():
        if name not in RULES:
            raise UserError(f"Extraneous hyperparameter found: {name}")
        try:
            values[name] = RULES[name].parse(text)
        except ValueError as error:
            raise UserError(f"Hyperparameter {name}: could not parse value (caused by ValueError)") from error
    for name, value in values.items():
        RULES[name].check(name, value)
    for name, value in values.items():
        rule = RULES[name]
        if rule.agrees:
            rule.agrees(value, {need: values[need] for need in rule.needs if need in values})
    return values


def direction(metric: str) -> Literal["Maximize", "Minimize"] | None:
    """Which direction of a metric, such as `mae`, is better; None when the algorithm has no such metric."""
    if metric in MAXIMIZED:
        return "Maximize"
    return "Minimize" if metric in MINIMIZED else None


def _outside(is_list: bool) -> str:
    return "not in range" if is_list else "is not in"


def _flat(value: Any) -> list[Any]:
    if not isinstance(value, list | tuple):
        return [value]
    return [element for inner in value for element in (inner if isinstance(inner, list | tuple) else [inner])]


def _is_metric(metric: str) -> bool:
    if "<function" in metric:
        raise UserError(f"User defined evaluation metric {metric} is not supported yet.")
    name, at, threshold = metric.partition("@")
    if not at:
        return direction(metric) is not None
    if name.strip() not in ("error", "ndcg", "map"):
        raise UserError(
            f"Metric '{metric}' is not supported. Parameter 'eval_metric' with customized threshold should "
            "be one of these options: 'error', 'ndcg', 'map'."
        )
    try:
        float(threshold)
    except ValueError as error:
        raise UserError(f"Threshold value 't' in '{name.strip()}@t' expects float input.") from error
    return True


def _metric_agrees(metrics: list[str], given: Given) -> None:
    objective: str = given["objective"]  # as in the container: KeyError without one
    if "auc" in metrics and not objective.startswith(("binary:", "rank:")):
        raise UserError("Metric 'auc' can only be applied for classification and ranking problems.")
    if "aft-nloglik" in metrics and objective != "survival:aft":
        raise UserError("Metric 'aft-nloglik' can only be applied for 'survival:aft' objective.")


def _objective_agrees(objective: str, given: Given) -> None:
    if objective in ("multi:softmax", "multi:softprob") and given.get("num_class") is None:
        raise UserError("Require input for parameter 'num_class' for multi-classification")


def _updater_agrees(updaters: list[str], given: Given) -> None:
    linear = ("shotgun", "coord_descent")
    growing = ("grow_colmaker", "distcol", "grow_histmaker", "grow_quantile_histmaker")
    trees = (*growing, "grow_skmaker", "sync", "refresh", "prune")
    if given.get("booster") == "gblinear":
        if len(updaters) != 1 or updaters[0] not in linear:
            raise UserError("Linear updater should be one of these options: 'shotgun', 'coord_descent'.")
    elif given.get("process_type") == "update":
        if not all(updater in ("refresh", "prune") for updater in updaters):
            raise UserError("process_type 'update' can only be used with updater 'refresh' and 'prune'")
    elif not all(updater in trees for updater in updaters):
        raise UserError(
            "Tree updater should be selected from these options: 'grow_colmaker', 'distcol', 'grow_histmaker', "
            "'grow_skmaker', 'grow_quantile_histmaker', 'sync', 'refresh', 'prune', 'shortgun', 'coord_descent'."
        )
    elif sum(updater in growing for updater in updaters) > 1:
        raise UserError(
            "Only one tree grow plugin can be selected. Choose one from the"
            "following: 'grow_colmaker', 'distcol', 'grow_histmaker', 'grow_skmaker'"
        )


def _tree_method_agrees(constraint: str, methods: tuple[str, ...], told: str) -> Callable[[Any, Given], None]:
    def agrees(_: Any, given: Given) -> None:
        if given.get("tree_method") not in methods:
            raise UserError(f"{constraint} can be used only when the tree_method parameter is set to either {told}.")

    return agrees


def _literal(text: str) -> Any:
    try:
        return ast.literal_eval(text)
    except SyntaxError as error:
        raise ValueError(str(error)) from error


def _integer(allowed: Interval, tuned: Interval | None = None, *, required: bool = False) -> Rule:
    return Rule("Integer", int, allowed, tuned, required)


def _number(allowed: Interval, tuned: Interval | None = None) -> Rule:
    return Rule("Continuous", float, allowed, tuned)


def _choice(*allowed: str) -> Rule:
    return Rule("Categorical", str, allowed)


def _commas(text: str) -> list[str]:
    return text.split(",")


_NOT_NEGATIVE = Interval(0)
_POSITIVE = Interval(0, low_open=True)
_PART = Interval(0, 1)
_SOME_PART = Interval(0, 1, low_open=True)
_FLAG = Interval(0, 1)

RULES: dict[str, Rule] = {
    "num_round": _integer(Interval(1), Interval(1, 4000), required=True),
    "csv_weights": _integer(_FLAG),
    "early_stopping_rounds": _integer(Interval(1)),
    "booster": _choice("gbtree", "gblinear", "dart"),
    "verbosity": _integer(Interval(0, 3)),
    "nthread": _integer(Interval(1)),
    "eta": _number(_PART, Interval(0.1, 0.5)),
    "gamma": _number(_NOT_NEGATIVE, Interval(0, 5)),
    "max_depth": _integer(_NOT_NEGATIVE, Interval(0, 10)),
    "min_child_weight": _number(_NOT_NEGATIVE, Interval(0, 120)),
    "max_delta_step": _number(_NOT_NEGATIVE, Interval(0, 10)),
    "subsample": _number(_SOME_PART, Interval(0.5, 1)),
    "colsample_bytree": _number(_SOME_PART, Interval(0.5, 1)),
    "colsample_bylevel": _number(_SOME_PART, Interval(0.1, 1)),
    "colsample_bynode": _number(_SOME_PART, Interval(0.1, 1)),
    "lambda": _number(_NOT_NEGATIVE, Interval(0, 1000)),
    "alpha": _number(_NOT_NEGATIVE, Interval(0, 1000)),
    "tree_method": _choice("auto", "exact", "approx", "hist", "gpu_hist"),
    "sketch_eps": _number(Interval(0, 1, low_open=True, high_open=True)),
    "scale_pos_weight": _number(_POSITIVE),
    "updater": Rule(
        "FreeText",
        _commas,
        (
            *("grow_colmaker", "distcol", "grow_histmaker", "grow_skmaker", "sync", "refresh", "prune"),
            *("grow_colmaker", "distcol", "grow_histmaker", "grow_colmaker", "shotgun", "coord_descent"),
            *("refresh", "prune"),
        ),
        needs=("booster", "process_type"),
        agrees=_updater_agrees,
    ),
    "dsplit": _choice("row", "col"),
    "refresh_leaf": _integer(_FLAG),
    "process_type": _choice("default", "update"),
    "grow_policy": _choice("depthwise", "lossguide"),
    "max_leaves": _integer(_NOT_NEGATIVE),
    "max_bin": _integer(_NOT_NEGATIVE),
    "predictor": _choice("auto", "cpu_predictor", "gpu_predictor"),
    "monotone_constraints": Rule(
        "FreeText",
        _literal,
        (-1, 0, 1),
        needs=("tree_method",),
        agrees=_tree_method_agrees("monotone_constraints", ("exact", "hist"), "'exact' or 'hist'"),
    ),
    "interaction_constraints": Rule(
        "FreeText",
        _literal,
        Interval(1),
        needs=("tree_method",),
        agrees=_tree_method_agrees(
            "interaction_constraints", ("exact", "hist", "approx"), "'exact', 'hist' or 'approx'"
        ),
    ),
    "sample_type": _choice("uniform", "weighted"),
    "normalize_type": _choice("tree", "forest"),
    "rate_drop": _number(_PART),
    "one_drop": _integer(_FLAG),
    "skip_drop": _number(_PART),
    "lambda_bias": _number(_PART),
    "tweedie_variance_power": _number(Interval(1, 2, low_open=True, high_open=True)),
    "objective": Rule("Categorical", str, OBJECTIVES, needs=("num_class",), agrees=_objective_agrees),
    "num_class": _integer(Interval(2)),
    "base_score": _number(_NOT_NEGATIVE),
    "_kfold": _integer(Interval(2)),
    "_num_cv_round": _integer(Interval(1)),
    "_tuning_objective_metric": _choice(*(f"validation:{metric}" for metric in (*MAXIMIZED, *MINIMIZED))),
    "eval_metric": Rule("FreeText", _commas, (*MAXIMIZED, *MINIMIZED), needs=("objective",), agrees=_metric_agrees),
    "seed": _integer(Interval(-(2**31), 2**31 - 1, low_open=True, high_open=True)),
    "num_parallel_tree": _integer(Interval(1)),
    "save_model_on_termination": _choice("true", "false"),
    "aft_loss_distribution": _choice("normal", "logistic", "extreme"),
    "aft_loss_distribution_scale": _number(_NOT_NEGATIVE),
    "deterministic_histogram": _choice("true", "false"),
    "sampling_method": _choice("uniform", "gradient_based"),
    "prob_buffer_row": _integer(Interval(1.0, low_open=True)),
    "use_dask_gpu_training": _choice("true", "false"),
}
