"""Commands that last blocks propose: a larger study, another candidate, serving a model."""

from __future__ import annotations

from pathlib import Path

from housing.algorithms.registry import shipped
from housing.config.schema import Experiment
from housing.workflow.outcome import Invocation


def larger_study(experiment: Experiment, invocation: Invocation, *words: str) -> str:
    """Over the algorithm's `narrow` space, which each one that is shipped has; others are searched as they were.

    After a search among algorithms it is one among them again.
    """
    spaces = ("search_space=narrow",) if experiment.algorithm.name in shipped() else ()
    if "algorithm" in experiment.search_space:
        spaces = ("search_space=algorithms",)
    return invocation.next("tune", *spaces, "study=tpe", *words)


def on_to_something_else(experiment: Experiment, invocation: Invocation) -> tuple[tuple[str, str], ...]:
    """After a promotion that changed nothing."""
    others = larger_study(experiment, invocation, "study.configured_first=false")  # which may be the champion's point
    return (
        (others, "a new study, whose best is the next candidate"),
        (invocation.next("compare"), "the runs there are, for candidate=<run id>"),
    )


def on_to_serving(experiment: Experiment, invocation: Invocation, uri: str) -> tuple[tuple[str, str], ...]:
    """The commands that serve the model, where the deployment is one that has it."""
    if any(variant.model == uri for variant in experiment.deployment.variants.values()):
        return (
            (invocation.next("plan"), "what a deployment would change"),
            (invocation.next("deploy"), "serve it"),
        )
    return ((invocation.next("plan", "deployment=ab_test"), "what would change to serve it beside the champion"),)


def own_rows(experiment: Experiment) -> str:
    """A file of raw rows to ask an endpoint about: that of the dataset where it is a file here, else what to write."""
    source = experiment.dataset.source
    is_file = (
        isinstance(source, str) and not source.startswith("package:") and "://" not in source and Path(source).is_file()
    )
    return str(source) if is_file else "rows.csv"
