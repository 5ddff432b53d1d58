"""Checks the rule of intervals against a dataset."""

from __future__ import annotations

from collections.abc import Iterator

from housing.config.faults import Fault, did_you_mean, some_of
from housing.data.description import Dataset, Nominal, Ordinal
from housing.nearest import nearest
from housing.promotion.spec import IntervalRule
from housing.tasks import base as tasks


def interval_faults(rule: IntervalRule | None, dataset: Dataset) -> Iterator[Fault]:
    """Faults where the rule does not fit the dataset's task, quantiles or columns."""
    if rule is None:
        return
    if rule.coverage is None:
        for key in ("by", "scaled"):
            if getattr(rule, key):
                yield Fault(
                    ("intervals", key), "needs intervals.coverage", getattr(rule, key), "intervals.coverage=0.9"
                )
        return
    question = dataset.task_name
    if not tasks.find(question).has_label_s_scale:
        rule_text = f"holds a label's value, but what task {question} answers are not values of {dataset.label!r}"
        yield Fault(("intervals", "coverage"), rule_text, rule.coverage, "leave it out: intervals.coverage=null")
    if dataset.quantiles and len(dataset.quantiles) < 2:
        rule_text = "goes from the lowest quantile to the highest, and dataset.quantiles has one"
        yield Fault(("intervals", "coverage"), rule_text, rule.coverage, "say dataset.quantiles=[0.05,0.5,0.95]")
    if rule.scaled and (dataset.label_levels or dataset.quantiles):
        what = "levels, whose probabilities show it" if dataset.label_levels else "quantiles, which say it"
        rule_text = f"is for errors of a number, and task {question} answers {what}"
        yield Fault(("intervals", "scaled"), rule_text, rule.scaled, "leave it out: intervals.scaled=false")
    able = [name for name, column in dataset.inputs.items() if isinstance(column, Nominal | Ordinal)]
    if rule.by is not None and rule.by not in able:
        rule_text = f"must be a column with levels that the model reads: {some_of(able)}"
        yield Fault(("intervals", "by"), rule_text, rule.by, did_you_mean(nearest(rule.by, able)))
