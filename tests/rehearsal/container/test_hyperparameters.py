from __future__ import annotations

import pytest

from housing.rehearsal.container.errors import UserError
from housing.rehearsal.container.hyperparameters import ALIASES, RULES, direction, validated

ENOUGH = {"num_round": "20", "objective": "reg:squarederror"}


def test_values_are_read_as_xgboost_takes_them() -> None:
    given = {
        **ENOUGH,
        "eta": "0.5",
        "max_depth": "5",
        "eval_metric": "mae,rmse",
        "tree_method": "hist",
        "monotone_constraints": "(1, 0, -1)",
        "interaction_constraints": "[[1, 2], [3, 4]]",
    }

    assert validated(given) == {
        "num_round": 20,
        "objective": "reg:squarederror",
        "eta": 0.5,
        "max_depth": 5,
        "eval_metric": ["mae", "rmse"],
        "tree_method": "hist",
        "monotone_constraints": (1, 0, -1),
        "interaction_constraints": [[1, 2], [3, 4]],
    }


@pytest.mark.parametrize(("alias", "name"), ALIASES.items())
def test_aliases_mean_the_hyperparameter_itself(alias: str, name: str) -> None:
    assert validated({**ENOUGH, alias: "0.5"})[name] == 0.5


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"eta": "0.1"}, "Missing required hyperparameter: num_round"),
        ({**ENOUGH, "device": "cuda"}, "Extraneous hyperparameter found: device"),
        ({**ENOUGH, "enable_categorical": "true"}, "Extraneous hyperparameter found: enable_categorical"),
        ({**ENOUGH, "eta": "banana"}, "Hyperparameter eta: could not parse value (caused by ValueError)"),
        ({**ENOUGH, "max_depth": "5.0"}, "Hyperparameter max_depth: could not parse value (caused by ValueError)"),
        ({**ENOUGH, "eta": "1.5"}, "Hyperparameter eta: 1.5 is not in [0, 1]"),
        ({**ENOUGH, "subsample": "0"}, "Hyperparameter subsample: 0.0 is not in (0, 1]"),
        ({**ENOUGH, "num_round": "0"}, "Hyperparameter num_round: 0 is not in [1, +inf)"),
        ({**ENOUGH, "sketch_eps": "1"}, "Hyperparameter sketch_eps: 1.0 is not in (0, 1)"),
        ({**ENOUGH, "seed": "2147483647"}, "Hyperparameter seed: 2147483647 is not in (-2147483648, 2147483647)"),
        (
            {**ENOUGH, "booster": "forest"},
            "Hyperparameter booster: forest is not in ['gbtree', 'gblinear', 'dart']",
        ),
        (
            {**ENOUGH, "monotone_constraints": "(2,)", "tree_method": "hist"},
            "Hyperparameter monotone_constraints: value (2,) not in range [-1, 0, 1]",
        ),
        (
            {**ENOUGH, "monotone_constraints": "(1,)"},
            "monotone_constraints can be used only when the tree_method parameter is set to either 'exact' or 'hist'.",
        ),
        ({**ENOUGH, "eval_metric": "auc"}, "Metric 'auc' can only be applied for classification and ranking problems."),
        (
            {**ENOUGH, "eval_metric": "rmse@3"},
            "Metric 'rmse@3' is not supported. Parameter 'eval_metric' with customized threshold should be one of "
            "these options: 'error', 'ndcg', 'map'.",
        ),
        (
            {**ENOUGH, "eval_metric": "error@x"},
            "Threshold value 't' in 'error@t' expects float input.",
        ),
        (
            {"num_round": "1", "objective": "multi:softmax"},
            "Require input for parameter 'num_class' for multi-classification",
        ),
        (
            {**ENOUGH, "updater": "shotgun", "booster": "gbtree"},
            "Tree updater should be selected from these options",
        ),
        ({**ENOUGH, "updater": "shotgun,refresh", "booster": "gblinear"}, "Linear updater should be one of"),
        ({**ENOUGH, "updater": "grow_histmaker,grow_colmaker"}, "Only one tree grow plugin can be selected"),
        ({**ENOUGH, "updater": "prune,sync", "process_type": "update"}, "process_type 'update' can only be used"),
    ],
)
def test_a_fault_is_told_in_the_containers_words(given: dict[str, str], words: str) -> None:
    with pytest.raises(UserError) as refusal:
        validated(given)

    assert str(refusal.value).startswith(words)


def test_reg_quantileerror_is_not_allowed() -> None:
    with pytest.raises(UserError, match="reg:quantileerror is not in"):
        validated({"num_round": "1", "objective": "reg:quantileerror"})


def test_a_metric_without_an_objective_dies_as_in_the_container() -> None:
    with pytest.raises(KeyError, match="objective"):
        validated({"num_round": "1", "eval_metric": "mae"})


def test_the_objective_of_a_tuning_job_is_a_metric_of_the_validation_channel() -> None:
    assert validated({**ENOUGH, "_tuning_objective_metric": "validation:mae"})
    with pytest.raises(UserError, match="_tuning_objective_metric: train:mae is not in"):
        validated({**ENOUGH, "_tuning_objective_metric": "train:mae"})


def test_a_metric_knows_which_way_it_gets_better() -> None:
    assert direction("mae") == "Minimize"
    assert direction("r2") == "Maximize"
    assert direction("banana") is None


def test_what_may_be_tuned_is_what_the_documentation_lists() -> None:
    assert {name for name, rule in RULES.items() if rule.tuned} == {
        *("alpha", "colsample_bylevel", "colsample_bynode", "colsample_bytree", "eta", "gamma", "lambda"),
        *("max_delta_step", "max_depth", "min_child_weight", "num_round", "subsample"),
    }
