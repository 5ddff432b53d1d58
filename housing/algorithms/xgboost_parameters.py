"""XGBoost's hyperparameters, objectives and metrics, by the names and rules of SageMaker's built-in container."""

from __future__ import annotations

from housing.algorithms.base import ForTask, Hyperparameter, Hyperparameters

_POSITIVE = 1e-16
_INT32_MAX = 2**31 - 1

HYPERPARAMETERS: Hyperparameters = {
    "num_round": Hyperparameter("int", "rounds of boosting", low=1),
    "early_stopping_rounds": Hyperparameter(
        "int", "stop after this many rounds without a better validation metric", low=1, tunable=False
    ),
    "objective": Hyperparameter(
        "text",
        "loss to minimise",
        default="reg:squarederror",
        choices=(
            "reg:squarederror",
            "reg:absoluteerror",
            "reg:pseudohubererror",
            "reg:squaredlogerror",
            "reg:gamma",
            "reg:tweedie",
            "count:poisson",
            "binary:logistic",
            "multi:softprob",
            "reg:quantileerror",
            "rank:ndcg",
            "rank:pairwise",
            "survival:cox",
            "survival:aft",
        ),
    ),
    "eval_metric": Hyperparameter(
        "text",
        "metrics of every round; the last one decides early stopping",
        choices=(
            "mae",
            "rmse",
            "mape",
            "rmsle",
            "poisson-nloglik",
            "logloss",
            "auc",
            "aucpr",
            "error",
            "mlogloss",
            "merror",
            "quantile",
            "ndcg@5",
            "ndcg@10",
            "cox-nloglik",
            "aft-nloglik",
        ),
        many=True,
        tunable=False,
    ),
    "num_class": Hyperparameter("int", "levels of the label (multi:softprob)", low=2, tunable=False),
    "quantile_alpha": Hyperparameter(
        "float", "quantiles of the label (reg:quantileerror)", low=_POSITIVE, high=1, many=True, tunable=False
    ),
    "scale_pos_weight": Hyperparameter("float", "weight of the positive level's rows (binary:logistic)", low=0),
    "aft_loss_distribution": Hyperparameter(
        "text", "spread of the logarithms of times (survival:aft)", choices=("normal", "logistic", "extreme")
    ),
    "aft_loss_distribution_scale": Hyperparameter("float", "width of that spread (survival:aft)", low=_POSITIVE),
    "booster": Hyperparameter("text", "kind of learner", choices=("gbtree", "dart")),
    "tree_method": Hyperparameter("text", "how splits are found", choices=("auto", "exact", "approx", "hist")),
    "eta": Hyperparameter("float", "learning rate", low=0, high=1),
    "gamma": Hyperparameter("float", "least loss reduction of a split", low=0),
    "max_depth": Hyperparameter("int", "deepest level of a tree, 0 for no limit", low=0, high=_INT32_MAX),
    "min_child_weight": Hyperparameter("float", "least sum of weights in a leaf", low=0),
    "max_delta_step": Hyperparameter("float", "largest step of a leaf, 0 for no limit", low=0),
    "subsample": Hyperparameter("float", "share of rows drawn for each tree", low=_POSITIVE, high=1),
    "colsample_bytree": Hyperparameter("float", "share of columns drawn for each tree", low=_POSITIVE, high=1),
    "colsample_bylevel": Hyperparameter("float", "share of columns drawn for each level", low=_POSITIVE, high=1),
    "colsample_bynode": Hyperparameter("float", "share of columns drawn for each split", low=_POSITIVE, high=1),
    "lambda": Hyperparameter("float", "L2 penalty on leaf values", low=0),
    "alpha": Hyperparameter("float", "L1 penalty on leaf values", low=0),
    "max_leaves": Hyperparameter("int", "most leaves of a tree, 0 for no limit", low=0, high=_INT32_MAX),
    "max_bin": Hyperparameter("int", "most bins of a column (tree_method hist, approx)", low=2, high=_INT32_MAX),
    "grow_policy": Hyperparameter("text", "which node splits next", choices=("depthwise", "lossguide")),
    "num_parallel_tree": Hyperparameter("int", "trees grown in each round", low=1, high=_INT32_MAX),
    "base_score": Hyperparameter("float", "first prediction; left out, it is estimated", tunable=False),
    "tweedie_variance_power": Hyperparameter("float", "spread of reg:tweedie", low=1, high=2),
    "sample_type": Hyperparameter("text", "how dart drops trees", choices=("uniform", "weighted")),
    "normalize_type": Hyperparameter("text", "how dart weighs new trees", choices=("tree", "forest")),
    "rate_drop": Hyperparameter("float", "share of trees that dart drops", low=0, high=1),
    "one_drop": Hyperparameter("int", "1: dart drops at least one tree", low=0, high=1),
    "skip_drop": Hyperparameter("float", "chance that dart drops nothing in a round", low=0, high=1),
    "seed": Hyperparameter(
        "int",
        "randomness of sampling; left out, the experiment's seed",
        low=-_INT32_MAX,
        high=_INT32_MAX,
        tunable=False,
    ),
}

ALIASES = {
    "learning_rate": "eta",
    "min_split_loss": "gamma",
    "reg_lambda": "lambda",
    "reg_alpha": "alpha",
    "n_estimators": "num_round",
    "num_boost_round": "num_round",
    "num_rounds": "num_round",
    "random_state": "seed",
}
"""Names of XGBoost's library and its scikit-learn classes -> those of SageMaker's container."""

AFT = "survival:aft"
"""Its labels are ranges: from a time to itself, or to infinity where the event was not seen."""

_SQUARED = ("reg:squarederror", "reg:absoluteerror", "reg:pseudohubererror", "reg:squaredlogerror")
_POSITIVE_ONLY = ("count:poisson", "reg:gamma", "reg:tweedie")

TASKS = {
    "regression": ForTask((*_SQUARED, *_POSITIVE_ONLY), ("mae", "rmse", "mape", "rmsle")),
    "count": ForTask(("count:poisson", "reg:tweedie", *_SQUARED), ("poisson-nloglik", "rmse", "mae")),
    "binary": ForTask(("binary:logistic",), ("logloss", "auc", "aucpr", "error", "rmse", "mae")),
    "multiclass": ForTask(("multi:softprob",), ("mlogloss", "merror"), levels="num_class"),
    "quantile": ForTask(("reg:quantileerror",), ("quantile",), quantiles="quantile_alpha"),
    "ranking": ForTask(("rank:ndcg", "rank:pairwise"), ("ndcg@10", "ndcg@5")),
    "survival": ForTask(("survival:cox",), ("cox-nloglik",)),
    "survival_time": ForTask((AFT,), ("aft-nloglik",)),
}
METRIC_NAMES = {
    "logloss": "log_loss",
    "mlogloss": "log_loss",
    "poisson-nloglik": "poisson_nloglik",
    "merror": "error",
    "quantile": "pinball",
    # It breaks ties between equal scores by row order; our metric gives nothing for a tie.
    "ndcg@5": "ndcg_at_5_by_row",
    "ndcg@10": "ndcg_at_10_by_row",
    "cox-nloglik": "cox_nloglik",
    "aft-nloglik": "aft_nloglik",
}

LOG_ODDS = ("binary:logistic", "multi:softprob")
LINKS = (*_POSITIVE_ONLY, *LOG_ODDS, "survival:cox", AFT)
"""Objectives whose prediction is not the sum of the trees, but a probability computed from it, or its exponential."""
