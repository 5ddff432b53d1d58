"""Checks across groups: each group is valid by itself, but together they must make sense."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from housing.algorithms.registry import find
from housing.config.column_rules import column_faults
from housing.config.faults import Fault, did_you_mean, some_of
from housing.config.hyperparameters import space_faults
from housing.config.schema import Algorithm, Tracking
from housing.config.structure import rule_faults
from housing.data.description import Dataset
from housing.data.features import Features, check_features
from housing.deployment.spec import Deployment
from housing.nearest import nearest
from housing.targets import registry as targets
from housing.tasks import base as tasks
from housing.training.metrics import COSTS
from housing.tuning.spec import Study
from housing.tuning.spec import faults as study_faults

_MODEL_URI = re.compile(r"models:/(?P<name>[^/@:]+)(?:@(?P<alias>[A-Za-z][\w-]*)|/(?P<version>[1-9]\d*))")
_LARGEST_SEED = 2**31 - 1
_CHANNELS = ("train", "validation")


def disagreements(parts: Mapping[str, Any]) -> list[Fault]:
    """Faults between groups. `parts` holds the experiment's fields that are valid by themselves."""
    faults: list[Fault] = []
    match parts:
        case {"parallel": int() as parallel} if parallel < 1:
            faults.append(Fault(("parallel",), "must be 1 or more", parallel))
    match parts:
        # The range that NumPy, XGBoost's container and SageMaker's tuning all accept.
        case {"seed": int() as seed} if not 0 <= seed <= _LARGEST_SEED:
            faults.append(Fault(("seed",), f"must lie in [0, {_LARGEST_SEED}]", seed))
    match parts:
        case {"dataset": Dataset() as dataset, "features": Features() as features}:
            found = check_features(dataset, features)
            faults += [Fault(("features", *key.split(".")), rule, value) for key, value, rule in found]
    match parts:
        case {
            "dataset": Dataset() as dataset,
            "features": Features() as features,
            "algorithm": Algorithm() as algorithm,
            "search_space": dict() as space,
            "runner": runner,
        }:
            faults += column_faults(features, dataset, algorithm, space, runner)
    match parts:
        # Only commands with a study require a search space, and check that elsewhere.
        case {"study": Study() as study, "search_space": dict() as space} if space:
            faults += [f for text in study_faults(study, space) for f in rule_faults(text, ())]
    match parts:
        case {"algorithm": Algorithm() as algorithm, "search_space": dict() as space}:
            faults += space_faults(space, algorithm, ("search_space",))
    match parts:
        case {"algorithm": Algorithm() as algorithm, "study": Study() as study, "dataset": Dataset() as dataset}:
            judged = tasks.metrics(dataset.task_name)
            for place in range(len(study.objectives)):
                faults += _objective_faults(study, place, algorithm, judged)
    match parts:
        case {"algorithm": Algorithm() as algorithm, "study": Study(blend=int()) as study, "dataset": Dataset() as of}:
            faults += _blend_faults(study, algorithm, of.task_name)
    match parts:
        case {"algorithm": Algorithm() as algorithm, "runner": runner} if runner is not None:
            reasons = targets.find(runner.name).supports(
                runner, algorithm.kind, algorithm.code, algorithm.hyperparameters
            )
            faults += [f for text in reasons for f in rule_faults(text, ())]
    match parts:
        case {"deployment": Deployment() as deployment, "tracking": Tracking(model=model)}:
            faults += _deployment_faults(deployment, model)
    return faults


def _blend_faults(study: Study, algorithm: Algorithm, task: str) -> list[Fault]:
    """Why trials cannot be blended: the algorithm, the task, or the objective by which they would be chosen."""
    path = ("study", "blend")
    if algorithm.code is not None:
        rule = f"the models of {algorithm.name} need a place of their own each, and a blend answers in one"
        return [Fault(path, rule, study.blend, "leave it out, or choose a built-in algorithm")]
    if not tasks.find(task).has_label_s_scale:
        rule = f"a mean needs one scale, and in task {task} each model has its own"
        return [Fault(path, rule, study.blend, "leave it out; algorithm.bag=8 averages models of one kind")]
    channel, _, metric = study.objectives[0].partition("_")
    if channel != "validation" or metric not in tasks.metrics(task):
        rule = f"is chosen by a metric of task {task} on rows that no model was fitted to"
        known = [f"validation_{name}" for name in tasks.metrics(task)]
        return [Fault(path, rule, study.blend, f"let study.objective be one of {some_of(known)}")]
    return []


def _objective_faults(study: Study, place: int, algorithm: Algorithm, judged: Mapping[str, Any]) -> list[Fault]:
    """`judged` are the metrics of the task, which every finished model has on the validation part."""
    objective = study.objectives[place]
    path = ("study", "objective")
    if place == 0 and objective in COSTS:
        rule = "comes after a metric: the best by the first objective is promoted, and every round is judged by it"
        return [Fault(path, rule, objective, f"write [validation_{next(iter(judged))},{objective}]")]
    by_round = [*algorithm.metrics, *(COSTS if place else ())]
    finished = [f"validation_{metric}" for metric in judged] if algorithm.code is None else []
    legal = [*by_round, *(name for name in finished if name not in by_round)]
    if objective in legal:
        looks_on = study.engine != "optuna" or (study.pruner != "none" and study.fits == 1)
        if objective in by_round or not looks_on:
            return []
        key = find(algorithm.name).capabilities.round_metrics
        who = f"engine {study.engine}" if study.engine != "optuna" else f"pruner {study.pruner}"
        way_out = "study.engine=optuna study.pruner=none"
        if key is None:
            rule = f"{who} looks at every round, and {algorithm.name} measures the finished model only"
            return [Fault(path, rule, objective, f"write {way_out}")]
        rule = f"{who} looks at every round, and algorithm.{key} does not measure it there"
        return [Fault(path, rule, objective, f"choose {some_of(by_round)}, or {way_out}")]
    if algorithm.code is not None and objective in algorithm.code.metrics:
        way_out = f"set algorithm.{algorithm.kind}.directions.{objective} to minimize or maximize"
        return [Fault(path, "nothing says whether lower or higher is better", objective, way_out)]
    return [_unmeasured(objective, algorithm, judged, legal)]


def _unmeasured(objective: str, algorithm: Algorithm, judged: Mapping[str, Any], legal: Sequence[str]) -> Fault:
    """The fault of an objective that no job of the algorithm would measure."""
    path = ("study", "objective")
    channel, _, metric = objective.partition("_")
    if metric not in judged or channel not in _CHANNELS:
        return Fault(path, f"must be one of {some_of(legal)}", objective, did_you_mean(nearest(objective, legal)))
    if algorithm.code is not None:
        way_out = f"algorithm.{algorithm.kind}.metrics says how the value is found where it is printed"
        return Fault(path, f"{algorithm.name} does not print it", objective, way_out)
    measured = find(algorithm.name)
    key, metrics = measured.capabilities.round_metrics, list(measured.metrics(algorithm.hyperparameters))
    way_out = f"write algorithm.{key}=[{','.join([*metrics, metric])}] to have it"
    return Fault(path, f"algorithm.{key} has {some_of(metrics)} only", objective, way_out)


def _deployment_faults(deployment: Deployment, model: str) -> list[Fault]:
    faults = []
    for name, variant in deployment.variants.items():
        place = ("deployment", "variants", name)
        uri = _MODEL_URI.fullmatch(variant.model)
        if uri is None:
            rule = f"must be models:/{model}@<alias> or models:/{model}/<version>"
            faults.append(Fault((*place, "model"), rule, variant.model))
        elif uri["name"] != model and nearest(uri["name"], [model]):
            # A name that is merely mistyped is a fault; one that is quite different may mean another model.
            rule = f"the registered model is called {model} (tracking.model)"
            faults.append(Fault((*place, "model"), rule, variant.model, did_you_mean(model)))
    return faults
