"""One parent run for the jobs of a Hydra multirun."""

from __future__ import annotations

from collections.abc import Sequence

from housing.config.schema import Experiment
from housing.workflow.outcome import Invocation


def open_group(experiment: Experiment, invocation: Invocation) -> str:
    """Start the parent run of a multirun; its jobs name it as `Invocation.parent_run_id`."""
    from housing.tracking.names import group_name
    from housing.tracking.runs import Runs, inherited_run

    inherited = inherited_run()
    runs = Runs.open(experiment.tracking.uri, experiment.name, inside=inherited)
    runs.close_abandoned()
    name = group_name(invocation.command)
    tags = {
        "housing.command": f"{invocation.command} --multirun",
        "housing.overrides": " ".join(invocation.overrides),
    }
    if inherited is not None:
        return runs.adopt(inherited, name, kind="group", tags=tags, yaml=invocation.config_yaml)
    return runs.start(name, kind="group", tags=tags, yaml=invocation.config_yaml)


def close_group(experiment: Experiment, run_id: str, failures: Sequence[str]) -> None:
    """End it: FAILED with a list when any job failed; the best job's objective stands on the parent, for the charts."""
    from housing.tracking.runs import Runs
    from housing.training.metrics import direction

    runs = Runs.open(experiment.tracking.uri, experiment.name, inside=run_id)
    objective = experiment.study.objectives[0]
    ranked = runs.rank_children(run_id, {objective: direction(objective)})
    metrics = {objective: ranked[0].metrics[objective]} if ranked else {}
    tags = {"housing.best_run": ranked[0].id, "housing.best": ranked[0].name} if ranked else {}
    if failures:
        tags["housing.failures"] = "\n".join(failures)
    runs.finish(run_id, "FAILED" if failures else "FINISHED", metrics=metrics, tags=tags)
