"""Defaults that follow from the task: objective and metrics of the algorithm, of the study and of the gate."""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping
from dataclasses import replace
from typing import Any

from housing.algorithms.base import Algorithm as Declared
from housing.algorithms.base import ForTask
from housing.algorithms.registry import find
from housing.config.faults import Fault, did_you_mean, some_of
from housing.config.intervals import interval_faults
from housing.config.keys import BUILT_IN
from housing.config.schema import Algorithm
from housing.data.description import Dataset
from housing.nearest import nearest
from housing.promotion.spec import Gate
from housing.promotion.threshold import ChosenThreshold, maximisable
from housing.tasks import base as tasks
from housing.tuning.spec import Study

_CHANNELS = ("train", "validation")
_NUMBER = "([0-9.e+-]+)"


def with_task_defaults(parts: Mapping[str, Any], faults: list[Fault]) -> dict[str, Any]:
    """The experiment's fields with the task's defaults filled in; adds what does not fit the task to `faults`."""
    filled = dict(parts)
    dataset = parts.get("dataset")
    if not isinstance(dataset, Dataset):
        return filled
    question, metric = dataset.task_name, tasks.find(dataset.task_name).metric
    algorithm, study, gate = parts.get("algorithm"), parts.get("study"), parts.get("gate")
    if isinstance(algorithm, Algorithm) and algorithm.code is None:
        filled["algorithm"] = _with_defaults(algorithm, dataset)
        faults += _unfit(filled["algorithm"], dataset)
    if isinstance(algorithm, Algorithm) and algorithm.code is not None and not algorithm.code.metrics:
        printed = {f"{channel}_{metric}": rf"{channel}-{metric}: {_NUMBER}" for channel in _CHANNELS}
        filled["algorithm"] = replace(algorithm, code=replace(algorithm.code, metrics=printed))
    if isinstance(algorithm, Algorithm):
        searched = parts.get("search_space") or ()
        faults += _weight_faults(parts.get("weights"), filled["algorithm"], dataset, searched=searched)
    if isinstance(algorithm, Algorithm) and algorithm.code is not None and tasks.find(question).has_groups:
        rule = f"task {question} needs the group of each row, which your own code does not receive"
        faults.append(Fault(("algorithm", "name"), rule, algorithm.name, f"choose {_able(question)}"))
    if isinstance(study, Study):
        named = tuple(f"{name}_{metric}" if name in _CHANNELS else name for name in study.objectives)
        filled["study"] = replace(study, objective=named[0] if isinstance(study.objective, str) else named)
    faults += _threshold_faults(parts.get("threshold"), dataset)
    faults += _calibration_faults(parts.get("calibration"), dataset)
    faults += interval_faults(parts.get("intervals"), dataset)
    if isinstance(gate, Gate):
        faults += _worst_class_faults(gate, dataset)
        known = tasks.metrics(question)
        if gate.metric is None:
            filled["gate"] = replace(gate, metric=metric)
        elif gate.metric not in known:
            rule = f"must be one of {some_of(known)}, the metrics of task {question}"
            faults.append(Fault(("gate", "metric"), rule, gate.metric, did_you_mean(nearest(gate.metric, known))))
    return filled


def _threshold_faults(threshold: float | ChosenThreshold | None, dataset: Dataset) -> Iterator[Fault]:
    if threshold is None:
        return
    if not tasks.find(dataset.task_name).has_positive_level:
        rule = f"belongs to a label with two levels, and task {dataset.task_name} is asked of {dataset.label!r}"
        yield Fault(("threshold",), rule, threshold if isinstance(threshold, float) else None)
    elif isinstance(threshold, float):
        if not 0 <= threshold <= 1:
            yield Fault(("threshold",), "is a probability: it must lie in [0, 1]", threshold)
    elif threshold.maximise is not None and threshold.maximise not in maximisable(dataset.task_name):
        rule = f"of task {dataset.task_name} it must be one of {some_of(maximisable(dataset.task_name))}"
        yield Fault(("threshold", "maximise"), rule, threshold.maximise)


def _worst_class_faults(gate: Gate, dataset: Dataset) -> Iterator[Fault]:
    if gate.worst_class and not dataset.label_levels:
        rule = f"belongs to a label with levels, and task {dataset.task_name} is asked of {dataset.label!r}"
        way_out = "leave it out, and limit the whole by gate.at_most or gate.at_least"
        yield Fault(("gate", "worst_class"), rule, dict(gate.worst_class), way_out)


def _calibration_faults(calibration: str | None, dataset: Dataset) -> Iterator[Fault]:
    if calibration not in (None, "none") and not dataset.label_levels:
        rule = f"is of the probabilities of levels, and {dataset.label!r}, of task {dataset.task_name}, is a number"
        yield Fault(("calibration",), rule, calibration, "leave it out: calibration=none")


def _weight_faults(
    weights: str | None, algorithm: Algorithm, dataset: Dataset, *, searched: Container[str]
) -> Iterator[Fault]:
    path, has = ("weights",), find(algorithm.kind).capabilities
    able = [f"algorithm={name}" for name in BUILT_IN if find(name).capabilities.weights]
    if dataset.weight is not None and not has.weights:
        rule = f"{algorithm.name} cannot use weights of rows"
        yield Fault(("dataset", "weight"), rule, dataset.weight, f"choose {some_of(able)}, or dataset.weight=null")
    own = tasks.find(dataset.task_name).metrics.values()
    if dataset.weight is not None and not any(metric.weighs for metric in own):
        rule = f"metrics of task {dataset.task_name} count all rows alike"
        yield Fault(("dataset", "weight"), rule, dataset.weight, "leave it out: dataset.weight=null")
    if weights in (None, "none"):
        return
    if not dataset.label_levels:
        rule = f"weighs the levels of a label, and {dataset.label!r}, of task {dataset.task_name}, is a number"
        way_out = "" if dataset.weight else "weights of rows in a column are dataset.weight"
        yield Fault(path, rule, weights, way_out)
    elif not has.weights:
        yield Fault(path, f"{algorithm.name} cannot use weights of rows", weights, f"choose {some_of(able)}")
    else:
        for name in has.level_weights:
            if name in algorithm.hyperparameters or name in searched:
                group = "algorithm" if name in algorithm.hyperparameters else "search_space"
                rule = f"weighs the levels, and {group}.{name} would do so once more"
                yield Fault(path, rule, weights, f"leave one of them out: weights=none, or ~{group}.{name}")


def _with_defaults(algorithm: Algorithm, dataset: Dataset) -> Algorithm:
    defaults = _defaults(find(algorithm.name), dataset)
    chosen = algorithm.hyperparameters
    values = {name: defaults.get(name) if value is None else value for name, value in chosen.items()}
    values |= {name: value for name, value in defaults.items() if name not in chosen}
    return replace(algorithm, hyperparameters={name: value for name, value in values.items() if value is not None})


def _defaults(declared: Declared, dataset: Dataset) -> dict[str, Any]:
    """Values from the task for hyperparameters that the configuration leaves open."""
    how, has = declared.tasks.get(dataset.task_name, ForTask()), declared.capabilities
    found: dict[str, Any] = {}
    if has.loss is not None and how.objectives:
        found[has.loss] = how.objectives[0]
    if has.round_metrics is not None and how.metrics:
        found[has.round_metrics] = how.metrics[:1]
    return found | how.from_label(levels=len(dataset.label_levels), quantiles=dataset.quantiles or ())


def _unfit(algorithm: Algorithm, dataset: Dataset) -> Iterator[Fault]:
    """Faults: what the algorithm cannot do for the task, or would do for another one."""
    declared, question = find(algorithm.name), dataset.task_name
    if not declared.serves(question):
        able = _able(question)
        rule = f"answers {some_of(declared.tasks)}, and task {question} is asked of {dataset.label!r}"
        way_out = f"choose {able}" if able else "ask another task"
        yield Fault(("algorithm", "name"), rule, algorithm.name, way_out)
        return
    how, has = declared.tasks.get(question, ForTask()), declared.capabilities
    values = algorithm.hyperparameters
    loss = values.get(has.loss or "")
    if loss is not None and how.objectives and loss not in how.objectives:
        rule = f"of task {question}, {algorithm.name} minimises {some_of(how.objectives)}"
        other = [task for task, one in declared.tasks.items() if loss in one.objectives]
        way_out = f"or ask dataset.task={other[0]}" if other else ""
        yield Fault(("algorithm", has.loss or ""), rule, loss, way_out)
    asked = values.get(has.round_metrics or "") or ()
    for metric in asked if how.metrics else ():
        if metric not in how.metrics:
            rule = f"of task {question}, {algorithm.name} measures {some_of(how.metrics)} after each round"
            way_out = did_you_mean(nearest(metric, how.metrics))
            yield Fault(("algorithm", has.round_metrics or ""), rule, metric, way_out)
    yield from _of_the_label(algorithm, dataset)


def _able(question: str) -> str:
    return some_of([f"algorithm={name}" for name in BUILT_IN if question in find(name).tasks])


def _of_the_label(algorithm: Algorithm, dataset: Dataset) -> Iterator[Fault]:
    """Faults of hyperparameters that follow from the label but are set otherwise, or that belong to another task."""
    declared, asked = find(algorithm.name), dataset.task_name
    values, quantiles = algorithm.hyperparameters, dataset.quantiles or ()
    for task, how in declared.tasks.items():
        for name, wanted in how.from_label(levels=len(dataset.label_levels), quantiles=quantiles).items():
            if name in values and task != asked:
                yield Fault(("algorithm", name), f"belongs to task {task}, and {asked} is asked", values[name])
            elif name in values and values[name] != wanted:
                told = list(wanted) if isinstance(wanted, tuple) else wanted
                rule = f"must be {told}, as the dataset has it, and may be left out"
                yield Fault(("algorithm", name), rule, values[name])
    own = declared.tasks.get(asked, ForTask())
    if not own.predicts_all(quantiles):
        served = {name: find(name).tasks for name in BUILT_IN if asked in find(name).tasks}
        others = [name for name, tasks_of in served.items() if tasks_of[asked].predicts_all(quantiles)]
        way_out = f"choose {some_of([f'algorithm={name}' for name in others])}" if others else ""
        rule = f"{algorithm.name} fits {own.most_quantiles} in a model"
        yield Fault(("dataset", "quantiles"), rule, list(quantiles), way_out)
