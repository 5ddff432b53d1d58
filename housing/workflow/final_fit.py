"""The final fit: a candidate's hyperparameters, fitted once more to training and validation rows together."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from housing.algorithms.own_code import Image
from housing.algorithms.registry import find
from housing.config.schema import Algorithm
from housing.data.joint_encoder import join
from housing.errors import ConfigError, DataError, RegistryError
from housing.secrets import MASK, masked
from housing.targets.base import LastingRunner
from housing.tracking import schema
from housing.workflow.bags import fit_bag, plan_bag, remark_alike
from housing.workflow.blending import parts_of
from housing.workflow.final_encoder import final_encoder
from housing.workflow.held_out import held_out_answers, held_out_of_blend
from housing.workflow.jobs import result_of
from housing.workflow.members import combined, fit_members, members_tag, whole_run
from housing.workflow.session import Session
from housing.workflow.trial_runs import recorded_options

if TYPE_CHECKING:
    from housing.data.channel import Channel
    from housing.data.encoder import Encoder
    from housing.tracking.reader import Run
    from housing.training.job import TrainingResult
    from housing.workflow.job_run import JobRun
    from housing.workflow.members import Planned


@dataclass(frozen=True)
class FinalFit:
    """A final model with its encoder, and its run, which is not ended yet."""

    run: JobRun
    result: TrainingResult
    encoder: Encoder
    hyperparameters: Mapping[str, Any]
    rows: int


def final_fit(session: Session, source: Run, *, parent: str | None, again: Run | None) -> FinalFit:
    """The final fit of `source`, in the session of its choices; `again` is one that an earlier command has begun."""
    if schema.BLEND in source.tags:
        return _of_blend(session, source, parent=parent, again=again)
    algorithm = session.experiment.algorithm
    hyperparameters = final_hyperparameters(source, algorithm, session.reporter.step)
    encoder, channel = session.prepared.final()
    encoder = final_encoder(
        session, encoder, lambda to: held_out_answers(session, source, hyperparameters, parent=parent, to=to)
    )
    again = again or _left_running(session, source, hyperparameters)
    with session.reporter.working("final fit on train and validation"):
        run, result = _fitted(
            session, _name(source), hyperparameters, channel, encoder, tags=_tags(source), parent=parent, again=again
        )
    return FinalFit(run, result, encoder, hyperparameters, len(channel.label))


def configured_fit(session: Session, name: str, *, parent: str | None) -> FinalFit:
    """The configured point fitted to train and validation, for all configured rounds, as no study chose them."""
    algorithm = session.experiment.algorithm
    patience = find(algorithm.kind).capabilities.early_stopping
    hyperparameters = {key: value for key, value in algorithm.hyperparameters.items() if key != patience}
    encoder, channel = session.prepared.final()
    run, result = _fitted(session, name, hyperparameters, channel, encoder, tags={}, parent=parent, again=None)
    return FinalFit(run, result, encoder, hyperparameters, len(channel.label))


def _fitted(
    session: Session,
    name: str,
    hyperparameters: Mapping[str, Any],
    channel: Channel,
    encoder: Encoder,
    *,
    tags: Mapping[str, str],
    parent: str | None,
    again: Run | None,
) -> tuple[JobRun, TrainingResult]:
    """One fit, or a bag if one is configured."""
    if session.experiment.algorithm.bag > 1:
        return fit_bag(
            session,
            name,
            hyperparameters,
            {"train": channel},
            encoder,
            kind="final",
            parent=parent,
            tags=tags,
            again=again,
        )
    job = session.job(name, hyperparameters, {"train": session.runner.stage(channel)})
    run = session.recording.job_run(
        name,
        kind="final",
        hyperparameters=hyperparameters,
        parent=parent,
        tags=tags,
        channels=(channel,),
        again=again,
    )
    return run, result_of(session, job, run)


def _of_blend(session: Session, source: Run, *, parent: str | None, again: Run | None) -> FinalFit:
    """Every trial of the blend fitted again, with the same weights."""
    parts, tell = parts_of(session, source), session.reporter.step
    own = [part.session.prepared.final() for part in parts]
    try:
        encoder, places = join([encoder for encoder, _ in own])
    except DataError as error:
        raise ConfigError(f"candidate {source.name}: {error}; promote one trial of it: candidate=<run id>") from error
    encoder = final_encoder(session, encoder, lambda _: held_out_of_blend(session, parts))
    planned: list[Planned] = []
    for part, (its_encoder, channel), columns in zip(parts, own, places, strict=True):
        hyperparameters = final_hyperparameters(part.run, part.session.experiment.algorithm, tell)
        name, channels = _name(part.run), {"train": channel}
        members = plan_bag(part.session, name, hyperparameters, channels, its_encoder)
        weight, options = part.weight / len(members), recorded_options(part.run)
        tags = {schema.SOURCE_RUN: part.run.id} | ({schema.CHOICES: json.dumps(options)} if options else {})
        planned += [replace(member, weight=weight, columns=columns, tags=tags) for member in members]
    run = session.recording.job_run(
        _name(source),
        kind="final",
        hyperparameters={},
        parent=parent,
        tags={**_tags(source), schema.BLEND: source.tags[schema.BLEND], **members_tag(planned)},
        channels=[channel for _, channel in own[:1]],
        again=again or _left_running(session, source, {}),
    )
    run.record = replace(run.record, params={name: source.params[name] for name in ("algorithm", "dataset", "blend")})
    with (
        session.reporter.working(f"final fit of {len(planned):,} models on train and validation"),
        whole_run(session, run, again),
    ):
        results = fit_members(run, planned, again=again)
        remark_alike(session, results)
    return FinalFit(run, combined(planned, results), encoder, {}, len(own[0][1].label))


def _name(source: Run) -> str:
    return f"final from {source.name}"


def _tags(source: Run) -> dict[str, str]:
    options = recorded_options(source)
    return {schema.SOURCE_RUN: source.id, **({schema.CHOICES: json.dumps(options)} if options else {})}


def _left_running(session: Session, source: Run, hyperparameters: Mapping[str, Any]) -> Run | None:
    """The final fit that an earlier command began from the same run and data, so that it is not paid for twice."""
    if not isinstance(session.runner, LastingRunner):
        return None
    wanted = session.data.digest_tags | {
        schema.SOURCE_RUN: source.id,
        schema.HYPERPARAMETERS: masked(json.dumps(hyperparameters, sort_keys=True)),
    }
    left = session.runs.left_running()
    return next((run for run in left if run.kind == "final" and wanted.items() <= run.tags.items()), None)


def final_hyperparameters(source: Run, algorithm: Algorithm, tell: Callable[[str, str], None]) -> dict[str, Any]:
    """The source's hyperparameters, with as many rounds as it kept: a final fit has no rows for early stopping.

    A script's rounds, known only from its output, are left unchanged if they disagree with its hyperparameters.
    """
    trained_by = source.params.get("algorithm", algorithm.name)
    if trained_by != algorithm.name:
        raise ConfigError(
            f"algorithm: run {source.name} ({source.id[:8]}) was trained by {trained_by}, and this configuration has "
            f"{algorithm.name}; promote it with algorithm={trained_by}, or name another run: candidate=<run id>"
        )
    if isinstance(algorithm.code, Image):
        raise ConfigError(
            f"algorithm.container: the model of {source.name} answers in its own image only, so the gate cannot judge "
            "it; a script's model answers everywhere (algorithm=script)"
        )
    try:
        hyperparameters: dict[str, Any] = json.loads(source.tags[schema.HYPERPARAMETERS])
        rounds = int(source.metrics["best_round"]) + 1
    except (KeyError, ValueError) as e:
        best = source.tags.get(schema.BEST_RUN)
        way_out = f"its best job is candidate={best}" if best else "name one that is: candidate=<run id>"
        raise RegistryError(
            f"run {source.name} ({source.id}) is not a finished training job of housing, so it cannot be promoted; "
            f"{way_out}"
        ) from e
    # Secrets are not recorded: they come from the configuration.
    hyperparameters = {
        name: algorithm.hyperparameters.get(name) if value == MASK else value for name, value in hyperparameters.items()
    }
    hyperparameters.pop(find(algorithm.kind).capabilities.early_stopping or "", None)
    if algorithm.rounds is None:
        return hyperparameters
    declared = hyperparameters.get(algorithm.rounds)
    if algorithm.code is None or declared is None or int(declared) == rounds:
        return hyperparameters | {algorithm.rounds: rounds}
    # A script may print only every tenth round, or end by itself: its output does not say how many it did.
    tell(
        "candidate",
        f"{source.name} printed its metrics {rounds:,} times for {algorithm.rounds}={declared}: the final fit keeps "
        f"{algorithm.rounds}={declared}; where the script stopped early by itself, train with "
        f"algorithm.{algorithm.rounds}={rounds} and promote that run",
    )
    return hyperparameters
