"""Commands that a last block suggests: a larger study, another candidate, serving a model."""

from __future__ import annotations

from pathlib import Path

from housing.algorithms.registry import shipped
from housing.config.schema import Experiment
from housing.workflow.outcome import Invocation


def larger_study(experiment: Experiment, invocation: Invocation, *words: str) -> str:
    """A study of four times the trials over the algorithm's `narrow` space, which all shipped ones have.

    Others keep their space. After a search over algorithms it is over algorithms again.
    """
    spaces = ("search_space=narrow",) if experiment.algorithm.name in shipped() else ()
    if "algorithm" in experiment.search_space:
        spaces = ("search_space=algorithms",)
    # Said in numbers: an experiment's own number of trials would stand in place of those of study=tpe.
    return invocation.next("tune", *spaces, "study=tpe", f"study.trials={4 * experiment.study.trials}", *words)


def on_to_something_else(experiment: Experiment, invocation: Invocation) -> tuple[tuple[str, str], ...]:
    """Next commands after a promotion that changed nothing."""
    others = larger_study(experiment, invocation, "study.configured_first=false")  # it may be the champion's point
    return (
        (others, "a new study, whose best is the next candidate"),
        (invocation.next("compare"), "the runs there are, for candidate=<run id>"),
    )


def on_to_serving(experiment: Experiment, invocation: Invocation, uri: str) -> tuple[tuple[str, str], ...]:
    """The commands that serve the model, if the deployment has it."""
    if any(variant.model == uri for variant in experiment.deployment.variants.values()):
        return (
            (invocation.next("plan"), "what a deployment would change"),
            (invocation.next("deploy"), "serve it"),
        )
    return ((invocation.next("plan", "deployment=ab_test"), "what would change to serve it beside the champion"),)


def own_rows(experiment: Experiment) -> str:
    """A file of raw rows for `predict`: the dataset's if it is a local file, else a placeholder."""
    source = experiment.dataset.source
    is_file = (
        isinstance(source, str) and not source.startswith("package:") and "://" not in source and Path(source).is_file()
    )
    return str(source) if is_file else "rows.csv"
