"""LightGBM's hyperparameters, objectives and metrics, by its own names."""

from __future__ import annotations

from housing.algorithms.base import ForTask, Hyperparameter, Hyperparameters

_POSITIVE = 1e-16
_INT32_MAX = 2**31 - 1

_OF_NUMBERS = ("regression", "regression_l1", "huber", "fair", "poisson", "mape", "gamma", "tweedie")

HYPERPARAMETERS: Hyperparameters = {
    "num_boost_round": Hyperparameter("int", "rounds of boosting", low=1),
    "early_stopping_rounds": Hyperparameter(
        "int", "stop after this many rounds without a better validation metric", low=1, tunable=False
    ),
    "objective": Hyperparameter(
        "text",
        "loss to minimise",
        default="regression",
        choices=(*_OF_NUMBERS, "binary", "multiclass", "multiclassova", "quantile", "lambdarank"),
    ),
    "metric": Hyperparameter(
        "text",
        "metrics of every round; the last one decides early stopping",
        choices=(
            "mae",
            "rmse",
            "mape",
            "poisson",
            "binary_logloss",
            "auc",
            "average_precision",
            "binary_error",
            "multi_logloss",
            "multi_error",
            "quantile",
            "ndcg@5",
            "ndcg@10",
        ),
        many=True,
        tunable=False,
    ),
    "num_class": Hyperparameter("int", "levels of the label (multiclass)", low=2, tunable=False),
    "quantile_alpha": Hyperparameter(
        "float",
        "quantile of the label (quantile), a list of one",
        low=_POSITIVE,
        high=1,
        many=True,
        tunable=False,
    ),
    "scale_pos_weight": Hyperparameter("float", "weight of the positive level's rows (binary)", low=_POSITIVE),
    "boosting": Hyperparameter("text", "kind of learner", choices=("gbdt", "dart")),
    "learning_rate": Hyperparameter("float", "weight of each new tree", low=_POSITIVE),
    "num_leaves": Hyperparameter("int", "most leaves of a tree", low=2, high=131072),
    "max_depth": Hyperparameter("int", "deepest level of a tree, -1 for no limit", low=-1, high=_INT32_MAX),
    "min_data_in_leaf": Hyperparameter("int", "least rows in a leaf", low=0),
    "min_sum_hessian_in_leaf": Hyperparameter("float", "least sum of second derivatives in a leaf", low=0),
    "min_gain_to_split": Hyperparameter("float", "least gain of a split", low=0),
    "max_delta_step": Hyperparameter("float", "largest output of a leaf, 0 for no limit", low=0),
    "bagging_fraction": Hyperparameter("float", "share of rows drawn (bagging_freq)", low=_POSITIVE, high=1),
    "bagging_freq": Hyperparameter("int", "resample rows after this many rounds, 0 for never", low=0),
    "feature_fraction": Hyperparameter("float", "share of columns drawn for each tree", low=_POSITIVE, high=1),
    "feature_fraction_bynode": Hyperparameter("float", "share of columns drawn for each split", low=_POSITIVE, high=1),
    "lambda_l1": Hyperparameter("float", "L1 penalty on leaf values", low=0),
    "lambda_l2": Hyperparameter("float", "L2 penalty on leaf values", low=0),
    "path_smooth": Hyperparameter("float", "pull of a leaf towards its parent", low=0),
    "extra_trees": Hyperparameter("bool", "split at one random value of each column"),
    "max_bin": Hyperparameter("int", "most bins of a column", low=2, high=_INT32_MAX),
    "min_data_in_bin": Hyperparameter("int", "least rows in a bin", low=1),
    "tweedie_variance_power": Hyperparameter("float", "spread of tweedie", low=1, high=1.999),
    "drop_rate": Hyperparameter("float", "share of trees that dart drops", low=0, high=1),
    "skip_drop": Hyperparameter("float", "chance that dart drops nothing in a round", low=0, high=1),
    "seed": Hyperparameter(
        "int", "randomness of sampling; left out, the experiment's seed", low=0, high=_INT32_MAX, tunable=False
    ),
}

ALIASES = {
    **dict.fromkeys(("num_iterations", "num_iteration", "num_trees", "num_rounds", "num_round"), "num_boost_round"),
    "n_estimators": "num_boost_round",
    **dict.fromkeys(("eta", "shrinkage_rate"), "learning_rate"),
    **dict.fromkeys(("early_stopping_round", "n_iter_no_change"), "early_stopping_rounds"),
    **dict.fromkeys(("max_leaves", "max_leaf_nodes"), "num_leaves"),
    **dict.fromkeys(("min_child_samples", "min_samples_leaf"), "min_data_in_leaf"),
    **dict.fromkeys(("min_child_weight", "min_sum_hessian"), "min_sum_hessian_in_leaf"),
    **dict.fromkeys(("min_split_gain", "gamma"), "min_gain_to_split"),
    **dict.fromkeys(("subsample", "bagging"), "bagging_fraction"),
    **dict.fromkeys(("colsample_bytree", "sub_feature"), "feature_fraction"),
    "subsample_freq": "bagging_freq",
    "colsample_bynode": "feature_fraction_bynode",
    **dict.fromkeys(("reg_alpha", "alpha"), "lambda_l1"),
    **dict.fromkeys(("reg_lambda", "lambda"), "lambda_l2"),
    **dict.fromkeys(("boosting_type", "boost", "booster"), "boosting"),
    **dict.fromkeys(("application", "loss"), "objective"),
    "eval_metric": "metric",
    **dict.fromkeys(("random_state", "random_seed"), "seed"),
}
"""Names of LightGBM's scikit-learn classes and of other libraries -> LightGBM's own."""

OF_THE_MATRIX = ("max_bin", "min_data_in_bin")
TASKS = {
    "regression": ForTask(_OF_NUMBERS, ("mae", "rmse", "mape")),
    "count": ForTask(("poisson", "tweedie", "regression", "regression_l1"), ("poisson", "rmse", "mae")),
    "binary": ForTask(("binary",), ("binary_logloss", "auc", "average_precision", "binary_error")),
    "multiclass": ForTask(("multiclass", "multiclassova"), ("multi_logloss", "multi_error"), levels="num_class"),
    "quantile": ForTask(("quantile",), ("quantile",), quantiles="quantile_alpha", most_quantiles=1),
    "ranking": ForTask(("lambdarank",), ("ndcg@10", "ndcg@5")),
}
METRIC_NAMES = {
    "l1": "mae",
    "poisson": "poisson_nloglik",
    "binary_logloss": "log_loss",
    "multi_logloss": "log_loss",
    "average_precision": "pr_auc",
    "binary_error": "error",
    "multi_error": "error",
    "quantile": "pinball",
    # It breaks ties between equal scores by row order; our metric gives nothing for a tie.
    "ndcg@5": "ndcg_at_5_by_row",
    "ndcg@10": "ndcg_at_10_by_row",
}
LARGER_IS_BETTER = ("auc", "pr_auc", "ndcg_at_5_by_row", "ndcg_at_10_by_row")
