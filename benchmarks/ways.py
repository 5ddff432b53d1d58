"""How straight the way of a call is: `python -m benchmarks.ways [-v]`.

Each function of housing counts once, at its first call and in that order. A stay is a run of functions of one module;
a return is a stay in a module that was left before. Comprehensions and lambdas do not count.
"""

from __future__ import annotations

import sys
import tempfile
import threading
from collections.abc import Callable
from dataclasses import replace
from itertools import groupby
from pathlib import Path
from types import FrameType

import housing
from housing.config.load import check, compose
from housing.data.preparation import prepare
from housing.targets.registry import find
from housing.training.job import TrainingJob

Visit = tuple[str, str]
"""A module's file, from the package's folder on, and a function's qualified name."""

_PACKAGE = Path(housing.__file__).parent


def visits(call: Callable[[], object]) -> list[Visit]:
    """The functions of housing that a call reaches, in any thread, in the order of their first calls."""
    found: dict[Visit, None] = {}

    def profile(frame: FrameType, event: str, _argument: object) -> None:
        code = frame.f_code
        if event == "call" and code.co_filename.startswith(f"{_PACKAGE}/") and not code.co_name.startswith("<"):
            found.setdefault((str(Path(code.co_filename).relative_to(_PACKAGE)), code.co_qualname))

    threading.setprofile(profile)
    sys.setprofile(profile)
    try:
        call()
    finally:
        sys.setprofile(None)
        threading.setprofile(None)  # type: ignore[arg-type]
    return list(found)


def report(name: str, found: list[Visit], *, verbose: bool) -> None:
    """One line of figures, and every stay with its functions."""
    stays = [(module, [function for _, function in run]) for module, run in groupby(found, key=lambda visit: visit[0])]
    modules = {module for module, _ in stays}
    returns = len(stays) - len(modules)
    print(f"{name}: {len(found)} functions, {len(modules)} modules, {len(stays)} stays, {returns} returns")
    if verbose:
        for module, functions in stays:
            print(f"    {module}: {', '.join(functions)}")


def main() -> None:
    """From overrides to the composed experiment, and from `submit` to CreateTrainingJob, in the rehearsal."""
    verbose = "-v" in sys.argv
    check(compose(()))  # what is imported and cached once
    report(
        "overrides -> composed",
        visits(lambda: compose(("algorithm.eta=0.1", "dataset=ames"))),
        verbose=verbose,
    )
    with tempfile.TemporaryDirectory() as folder:
        experiment = check(compose(("target=rehearsal", f"rehearsal.folder={folder}")))
        prepared = prepare(experiment.dataset, experiment.features)
        runner = find("rehearsal").open_runner(experiment.runner)
        try:
            staged = {name: runner.stage(channel) for name, channel in prepared.channels.items()}
            job = TrainingJob("ways", "xgboost", dict(experiment.algorithm.hyperparameters), staged, seed=0)
            job = replace(job, handle=runner.handle())
            found = [v for v in visits(lambda: runner.submit(job).result()) if not v[0].startswith("rehearsal/")]
        finally:
            runner.close()
            from housing.rehearsal.process import stop

            stop(Path(folder))
    names = [name for _, name in found]
    start, end = names.index("SageMakerRunner.submit"), names.index("Jobs.create")
    report("submit -> CreateTrainingJob", found[start : end + 1], verbose=verbose)


if __name__ == "__main__":
    main()
