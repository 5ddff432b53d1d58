"""A program of a user's, for the type checker alone: `make check` finds that right calls pass and wrong ones do not.

An unused `type: ignore` is an error itself, so each of them holds that the types of the library tell more than Any.
"""

from __future__ import annotations

import pandas as pd

import housing


def right(rows: pd.DataFrame) -> dict[str, float]:
    mine = housing.compose("dataset=mine", "algorithm.eta=0.1", config_dir="conf", progress=True)
    trials: int = mine.config.study.trials
    limit: float | None = mine.config.study.time_limit_s
    best: str | None = mine.override(f"study.trials={trials + 1}").tune().run_id
    plan: housing.Result = mine.plan()
    if plan.changes and limit is None and best is not None:
        mine.deploy()
    answers: pd.DataFrame = mine.predict(rows, interval=0.9)
    recorded: housing.RecordedRuns = housing.runs("metrics.validation_mae < 20000", "name=mine")
    page: str = mine.report(best or "")
    return {"answers": len(answers), "runs": len(recorded.frame()), "page": len(page), "found": mine.monitor().findings}


def refused() -> list[str]:
    try:
        housing.compose("dataset=mine").train()
    except housing.ConfigError as error:
        return [f"{fault.key}: {fault.rule} {fault.way_out}" for fault in error.faults]
    except (housing.DataError, housing.GateRefused, housing.CloudError) as error:
        return [str(error), str(error.exit_code), error.command]
    return []


def wrong(mine: housing.Experiment) -> None:
    housing.compose(dataset="mine")  # type: ignore[call-arg]
    housing.compose("dataset=mine", config_dir=3)  # type: ignore[arg-type]
    mine.tune().headline = "better"  # type: ignore[misc]
    mine.promote().best  # type: ignore[attr-defined]  # noqa: B018
    mine.predict("rows.csv", interval="wide")  # type: ignore[arg-type]
    mine.config.study.trials = 3  # type: ignore[misc]
    mine.config.study.trails  # type: ignore[attr-defined]  # noqa: B018
    _: str = mine.plan().changes  # type: ignore[assignment]
