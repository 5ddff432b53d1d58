"""From the best trial to the registry: final fit, one look at the test part, the gate, the alias."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from housing.config.schema import Experiment
from housing.errors import ConfigError, GateRefused, GateVerdict, RegistryError
from housing.tracking import schema
from housing.training.metrics import direction, has_unit
from housing.workflow.figures import final_figures, rounds_kept
from housing.workflow.final_fit import final_fit
from housing.workflow.headline import headline, label_of
from housing.workflow.judging import bundle_of, judge, refusal, uncalibrated_metrics
from housing.workflow.model_card import about_model, model_card
from housing.workflow.next_commands import on_to_serving, on_to_something_else
from housing.workflow.outcome import Invocation, Outcome, OutputTable, Reporter
from housing.workflow.references import References, in_words
from housing.workflow.session import Session
from housing.workflow.target_registry import register_there
from housing.workflow.trial_runs import recorded_options

if TYPE_CHECKING:
    from housing.data.encoder import Encoder
    from housing.data.table import Table as DataTable
    from housing.tracking.reader import Run, Version
    from housing.training.job import TrainingResult


_EXAMPLE_ROWS = 3


@dataclass(frozen=True)
class Promotion:
    """A candidate that passed: its version, and its metrics on the test part.

    `of_champion`: it is the same model as the champion before; `references` are the metrics of the references.
    """

    version: Version
    metrics: Mapping[str, float]
    hyperparameters: Mapping[str, Any]
    is_new: bool
    of_champion: bool = False
    references: References = field(default_factory=dict)


def promote(experiment: Experiment, invocation: Invocation, reporter: Reporter) -> Outcome:
    """Fit the best hyperparameters on train and validation, judge the model on the test part, move the alias."""
    with Session(experiment, invocation, reporter) as session:
        promotion = promote_best(session, parent=invocation.parent_run_id)
        version = promotion.version
        uri = f"models:/{version.name}@{experiment.gate.alias}"
        return Outcome(
            headline=f"{uri} is version {version.number} ({_state(promotion, experiment)})",
            data={"run_id": version.run_id, "model": version.name, "version": version.number}
            | {"alias": experiment.gate.alias}
            | {"is_new": promotion.is_new, "is_champions_model": promotion.of_champion}
            | {"references": {name: dict(its) for name, its in promotion.references.items()}}
            | {"metrics": dict(promotion.metrics), "hyperparameters": dict(promotion.hyperparameters)},
            tables=(metrics_table(session, promotion),),
            recorded=[*session.records_at, f"registered model {version.name}, version {version.number}"],
            lines=_nothing_new(promotion, invocation, experiment),
            next_commands=on_to_something_else(experiment, invocation)
            if promotion.of_champion
            else on_to_serving(experiment, invocation, uri),
        )


def _state(promotion: Promotion, experiment: Experiment) -> str:
    if promotion.of_champion:
        return "nothing changed" if experiment.gate.alias == "champion" else "the champion's own model"
    return "registered" if promotion.is_new else "the same model was registered already"


def _nothing_new(promotion: Promotion, invocation: Invocation, experiment: Experiment) -> tuple[str, ...]:
    """The lines for a candidate that is the champion's own model."""
    if not promotion.of_champion:
        return ()
    alias = experiment.gate.alias
    one = "are now the same model, so there is nothing to compare"
    both = "" if alias == "champion" else f"; @champion and @{alias} {one}"
    return (
        f"the candidate is already the champion, version {promotion.version.number}{both}",
        f"for another one: a new study before `{invocation.next('promote')}`, or a run of your choice: "
        "candidate=<run id>",
    )


def promote_best(
    session: Session, *, parent: str | None, source: Run | None = None, again: Run | None = None
) -> Promotion:
    """The steps of `promote`; `source` is the run whose hyperparameters are used, else the configured candidate.

    `again` is the run of a final fit that an earlier command has begun.
    """
    _refuse_untestable(session)
    source = source or _candidate(session)
    session = session.choosing(recorded_options(source))
    _refuse_untestable(session)
    experiment = session.experiment
    final = final_fit(session, source, parent=parent, again=again)
    run, result, encoder = final.run, final.result, final.encoder
    if session.running_jobs.stopping:
        session.recording.end(run, result, encoder=encoder)
        raise KeyboardInterrupt
    session.reporter.step("final", f"{final.rows:,} rows{rounds_kept(session, result)}, {result.seconds:.2f} s")

    champion = session.registry.find(experiment.tracking.model, alias="champion")
    judgement = judge(session, result, encoder, champion)
    decision = judgement.decision
    for verdict in decision.verdicts:
        session.reporter.step("gate", f"{'passed' if verdict.passed else 'REFUSED'}  {verdict.rule}: {verdict.why}")
    metrics = {f"test_{name}": value for name, value in decision.metrics.items()}
    metrics |= {f"test_{name}_uncalibrated": value for name, value in uncalibrated_metrics(session, judgement).items()}
    metrics |= judgement.intervals.metrics
    sentences = headline(session, label_of(session, "test"), judgement.predictions, part="test")
    if sentences:
        sentences = [*sentences, *in_words(session, judgement.references)]
    card = model_card(session, judgement, source, final.hyperparameters, headline=sentences)
    run_id = session.recording.end(
        run,
        result,
        encoder=encoder,
        metrics=metrics,
        tags={
            schema.GATE: "passed" if decision.passed else "refused",
            schema.GATE_VERDICTS: "\n".join(f"{v.rule}: {v.why}" for v in decision.verdicts),
            **judgement.intervals.tags,
            **({schema.HEADLINE: "; ".join(sentences)} if sentences else {}),
            schema.NOTE: card,
        },
        files=final_figures(
            session,
            run.record.name,
            result,
            encoder,
            judgement,
            source=source,
            hyperparameters=final.hyperparameters,
        ),
    )
    if not decision.passed:
        refused = GateRefused(refusal(session, decision, run_id))
        refused.verdicts = tuple(GateVerdict(v.rule, v.passed, v.why) for v in decision.verdicts)
        refused.run_id = run_id
        raise refused
    if champion is not None and judgement.is_champion:
        session.registry.set_alias(champion.name, experiment.gate.alias, champion.number)
        session.reporter.step("register", f"nothing new: it is already version {champion.number}, the champion")
        register_there(session, champion, alias=experiment.gate.alias, metrics=metrics)
        return Promotion(
            champion,
            metrics,
            final.hyperparameters,
            is_new=False,
            of_champion=True,
            references=judgement.references,
        )
    version, is_new = register(
        session, result, encoder, run_id, alias=experiment.gate.alias, tags=judgement.intervals.tags, card=card
    )
    register_there(session, version, alias=experiment.gate.alias, metrics=metrics)
    return Promotion(version, metrics, final.hyperparameters, is_new, references=judgement.references)


def register(
    session: Session,
    result: TrainingResult,
    encoder: Encoder,
    run_id: str,
    *,
    alias: str,
    tags: Mapping[str, str] | None = None,
    card: str = "",
) -> tuple[Version, bool]:
    """Register a job's model as a version and give it an alias; `tags` are its own, `card` its description.

    The same model is never registered twice: if a version has the same files, only the alias moves.
    """
    experiment = session.experiment
    with session.reporter.working("registering the model"):
        version, is_new = session.registry.register(
            experiment.tracking.model,
            run_id,
            bundle_of(session, result, encoder),
            tags=session.recording.run_tags | dict(tags or {}),
            description=card,
            about=about_model(session),
            example=_example(session.prepared.table, encoder),
        )
        session.registry.set_alias(version.name, alias, version.number)
    session.reporter.step("register", f"{version.name} version {version.number} is @{alias}")
    return version, is_new


def _example(table: DataTable, encoder: Encoder) -> dict[str, list[object]]:
    """A few raw rows as an example of the model's input."""
    beginning = next(table.blocks(encoder.required))
    return {name: beginning[name][:_EXAMPLE_ROWS].tolist() for name in encoder.required}


def metrics_table(session: Session, promotion: Promotion) -> OutputTable:
    """The test metrics of the candidate and of what it is compared with."""
    unit, others = session.experiment.dataset.label_unit, promotion.references
    beside = [[its.get(name.removeprefix("test_")) for its in others.values()] for name in promotion.metrics]
    units = [[unit if has_unit(name) else ""] if unit else [] for name in promotion.metrics]
    rows = [
        [name, value, *its, *told]
        for (name, value), its, told in zip(promotion.metrics.items(), beside, units, strict=True)
    ]
    return OutputTable("test part", ("metric", "value", *others, *(("unit",) if unit else ())), rows)


def _candidate(session: Session) -> Run:
    """The configured run, or the best of the algorithm's latest study, or its best job, on the same data."""
    runs, experiment = session.runs, session.experiment
    if experiment.candidate is not None:
        return runs.get(experiment.candidate)
    objective = experiment.study.objectives[0]
    towards = direction(objective, experiment.algorithm.directions)
    digest = session.prepared.split_digest
    algorithm = experiment.algorithm.name
    study = runs.latest_study(split_digest=digest, algorithm=algorithm)
    # A study may choose between datasets: its trials then have other splits than the study, but still count.
    best = runs.best(objective, towards, parent=study.id) if study else None
    # The study's trials may have been deleted.
    best = best or runs.best(objective, towards, split_digest=digest, algorithm=algorithm)
    if best is None:
        raise RegistryError(
            f"nothing to promote: MLflow experiment '{experiment.name}' has no finished job of {algorithm} with "
            f"{objective} on this data and split; run `{session.invocation.next('tune')}` first, or name a run: "
            "candidate=<run id>"
        )
    session.reporter.step(
        "candidate", f"{best.name} ({objective} {session.amount(best.metrics[objective], objective)})"
    )
    return best


def _refuse_untestable(session: Session) -> None:
    """Raises ConfigError if the dataset has no test part."""
    if not len(session.prepared.parts.test):
        raise ConfigError(
            f"dataset {session.experiment.dataset.name} has no test part, which a candidate is judged on; "
            "give dataset.split a test fraction or dataset.split.by_column.test"
        )
