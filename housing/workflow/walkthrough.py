"""The walkthrough in order: the one file to read first.

data -> one training job -> a study -> the final fit -> the gate -> the registry -> an endpoint -> predictions
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import zip_longest

from housing.config.schema import Experiment
from housing.tasks.base import metrics
from housing.tracking import schema
from housing.training.job import TrainingResult
from housing.workflow.configured import Baseline, better_of
from housing.workflow.group_report import log_group
from housing.workflow.headline import judged_by, naive_value
from housing.workflow.jobs import fit
from housing.workflow.leaderboard import leaderboard, with_references
from housing.workflow.next_commands import larger_study, own_rows
from housing.workflow.other_targets import figures_on_other_targets, keep_figures
from housing.workflow.outcome import Invocation, Outcome, OutputTable, Reporter
from housing.workflow.promotion import Promotion, promote_best, register
from housing.workflow.serving import apply_plan
from housing.workflow.session import Session
from housing.workflow.studies import FinishedStudy, study

_BASELINE = "baseline"
_SHOWN_ROWS = 5


@dataclass(frozen=True)
class _Results:
    baseline: TrainingResult
    study: FinishedStudy
    promotion: Promotion


def run(experiment: Experiment, invocation: Invocation, reporter: Reporter) -> Outcome:
    """All steps, under one parent run. If the gate refuses the candidate, nothing is deployed (GateRefused)."""
    from housing.tracking.names import run_name

    with Session(experiment, invocation, reporter) as session:
        _ = session.prepared  # before anything is recorded, to refuse bad data
        name, parent = run_name(experiment.name), invocation.parent_run_id
        with session.recording.open_run(name, kind="run", parent=parent) as opened:
            baseline, baseline_run, _ = fit(session, parent=opened.run_id, prefix=_BASELINE)
            finished = study(session, parent=opened.run_id, baseline=Baseline(baseline_run, baseline))
            source = better_of(session, finished.best, session.runs.get(baseline_run))
            promotion = promote_best(session, parent=opened.run_id, source=source)
            if _serves_baseline(experiment):
                register(session, baseline, session.prepared.encoder, baseline_run, alias=_BASELINE)
            apply_plan(session)
            shown = _predictions(session)
            objective = experiment.study.objectives[0]
            opened.metrics.update({objective: finished.best.metrics[objective], **promotion.metrics})
            results = _Results(baseline, finished, promotion)
            keep_figures(session, opened, _here(session, results))
            tables = (_figures(session, results), *_algorithms(session, finished), shown)
            opened.tags[schema.NOTE] = log_group(session.runs, opened.run_id, name, experiment, tables=tables)
        url = _url(session)
        return Outcome(
            headline=f"{experiment.deployment.endpoint} answers with "
            f"{experiment.tracking.model} version {promotion.version.number}",
            data=_data(session, results, url, shown),
            lines=_remarks(experiment),
            tables=tables,
            recorded=[*session.records_at, url],
            next_commands=(
                (invocation.next("status"), "variants, weights, instances, invocations"),
                (invocation.next("predict", own_rows(experiment)), "your own rows: raw columns with a header"),
                (larger_study(experiment, invocation), "a larger search"),
                (invocation.next("lineage", experiment.deployment.endpoint), "from the endpoint back to the data"),
                (invocation.next("destroy"), "end the endpoint; records and models stay"),
            ),
        )


def _algorithms(session: Session, finished: FinishedStudy) -> tuple[OutputTable, ...]:
    """The leaderboard of a study over algorithms."""
    if "algorithm" not in session.experiment.search_space:
        return ()
    board = with_references(session, leaderboard(session, finished.result.trials), finished.references)
    return (replace(board, title="algorithms, validation part"),)


def _serves_baseline(experiment: Experiment) -> bool:
    wanted = f"models:/{experiment.tracking.model}@{_BASELINE}"
    return any(variant.model == wanted for variant in experiment.deployment.variants.values())


def _predictions(session: Session) -> OutputTable:
    """A few raw rows of the test part through the endpoint, beside their true labels."""
    import numpy as np

    test, label = session.prepared.test, session.experiment.dataset.label
    # Evenly spaced, as a file may be sorted by its label.
    few = test.take(np.linspace(0, test.rows - 1, min(_SHOWN_ROWS, test.rows)).astype(np.int64))
    features = [name for name in few if name != label]
    with session.reporter.working("asking the endpoint"):
        answer = session.host.predict(session.experiment.deployment.endpoint, few.to_csv(features))
    session.reporter.step("predict", f"{len(answer.values)} raw test rows, answered by {answer.variant}")
    rows = [
        [index, value, true, answer.variant]
        for index, (value, true) in enumerate(zip(answer.values, few[label].tolist(), strict=True), start=1)
    ]
    unit = session.experiment.dataset.label_unit
    title = f"through the endpoint: {label}" + (f", {unit}" if unit else "")
    return OutputTable(title, ("row", "predicted", "true", "variant"), rows)


def _figures(session: Session, results: _Results) -> OutputTable:
    """The walkthrough's three figures and the test part's: of a publication if one is named, of each target that the
    same configuration has run on, and of this run."""
    published, place = session.experiment.published, session.experiment.runner.name
    figures = (published.train_mae, published.validation_mae, published.best_validation_mae) if published else ()
    elsewhere = figures_on_other_targets(session)
    rows = [
        [
            name,
            *([figure and figure.value] if published else ()),
            *(there.get(name) for there in elsewhere.values()),
            here,
            *([figure and f"{figure.splits_mean:,.0f} ± {figure.splits_sd:,.0f}"] if published else ()),
        ]
        for (name, here), figure in zip_longest(_here(session, results).items(), figures)
    ]
    columns = (
        "",
        *(("published",) if published else ()),
        *elsewhere,
        f"here ({place})" if elsewhere else "here",
        *(("over random splits",) if published else ()),
    )
    metric = metrics(session.experiment.dataset.task_name)[judged_by(session)]
    unit = session.experiment.dataset.label_unit if metric.has_unit else ""
    return OutputTable(", ".join(text for text in (metric.about, unit) if text), columns, rows)


def _here(session: Session, results: _Results) -> dict[str, float]:
    """This run's figures: in the order of the publication's, then ours.

    Those of the training job are from its last round, which the article reads from the log, not the round kept.
    """
    objective, metric = session.experiment.study.objectives[0], judged_by(session)
    best = f"best of {len(results.study.result.trials):,} trials, {objective.removesuffix(f'_{metric}')}"
    test = f"test_{metric}"
    figures = {
        "training job, last round, train": _last(results.baseline, f"train_{metric}"),
        "training job, last round, validation": _last(results.baseline, f"validation_{metric}"),
        best: results.study.best.metrics[objective],
        "final model, test": results.promotion.metrics.get(test),
        "naive predictor, test": naive_value(session, metric, part="test"),
    }
    return {name: value for name, value in figures.items() if value is not None}


def _last(result: TrainingResult, name: str) -> float | None:
    """The metric's value after the last round; of the model that was kept if it is computed only once."""
    history = result.history.get(name)
    return history[-1] if history else result.metrics.get(name)


def _remarks(experiment: Experiment) -> tuple[str, ...]:
    published = experiment.published
    if published is None:
        return ()
    return (
        f"published: {published.source}. It gives one random split; another split moves each figure by as much as the "
        "last column says, so equal digits would be chance.",
    )


def _url(session: Session) -> str:
    status = session.host.status(session.experiment.deployment.endpoint)
    return status.url if status else ""


def _data(session: Session, results: _Results, url: str, shown: OutputTable) -> dict[str, object]:
    return {
        "endpoint": session.experiment.deployment.endpoint,
        "url": url,
        "model": results.promotion.version.name,
        "version": results.promotion.version.number,
        "figures": _here(session, results),
        "elsewhere": figures_on_other_targets(session),
        "test": dict(results.promotion.metrics),
        "hyperparameters": dict(results.promotion.hyperparameters),
        "predictions": [dict(zip(shown.columns, row, strict=True)) for row in shown.rows],
        "config_hash": session.invocation.config_hash,
    }
