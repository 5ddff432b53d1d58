"""`housing benchmark`: procedures compared by nested, repeated folds; the table is made from the record alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from housing.benchmark.spec import Benchmark, Entrant
from housing.config.schema import Experiment
from housing.errors import ConfigError, HousingError
from housing.tracking import schema
from housing.workflow.benchmark_table import Asked, outcome, told
from housing.workflow.benchmark_tables import described
from housing.workflow.outcome import Invocation, Outcome, Reporter, key_of
from housing.workflow.outer_parts import OuterPart, Recompose, digest_of, score
from housing.workflow.session import Session
from housing.workflow.source_access import sources_reached

if TYPE_CHECKING:
    from housing.tracking.reader import Run

_OWN = ("benchmark", "dataset.split.outer", "dataset.split.seed", "seed", "name")
"""Keys of an outer part that the benchmark sets, not the command line."""


def benchmark(experiment: Experiment, invocation: Invocation, reporter: Reporter, *, recompose: Recompose) -> Outcome:
    """Score every entrant on every outer part without a recorded score; then show the table.

    It may be interrupted and run again at any time. The exit code is 1 if some could not be scored.
    """
    spec = experiment.benchmark
    name = experiment.name if _is_named(invocation) else f"benchmark-{spec.name}"
    entrants, absent = _entrants(spec)
    folder = described(spec.tables, name=spec.name, config_dir=_folder(invocation))
    with reporter.working("composing every entrant on every table"):
        tables, parts = _parts(spec, entrants, invocation, name=name, folder=folder, recompose=recompose)
    here = replace(experiment, name=name)
    with Session(here, invocation, reporter) as session:
        session.runs.check_writable()
        done = _done(session, parts)
        left = [part for part in parts if part.digest not in done]
        _tell(reporter, spec, parts, left, absent)
        failures: list[str] = []
        if left:
            with session.recording.open_run(
                f"benchmark {spec.name}", kind="benchmark", parent=None, tags={schema.BENCHMARK: spec.name}
            ) as opened:
                its = [replace(part, parent=opened.run_id) for part in left]
                failures = _score_all(its, spec, recompose, session, tables)
                if failures:
                    opened.tags[schema.FAILURES] = "\n".join(failures)
            done = _done(session, parts)
        known = [done[part.digest] for part in parts if part.digest in done]
        return outcome(session, spec, tables, known, failures=failures, absent=absent)


def _is_named(invocation: Invocation) -> bool:
    return any(key_of(override) == "name" for override in invocation.overrides)


def _folder(invocation: Invocation) -> Path | None:
    return Path(invocation.config_dir) if invocation.config_dir else None


def _entrants(spec: Benchmark) -> tuple[dict[str, Entrant], dict[str, str]]:
    """The entrants that can be run here; for the others, the module that each needs."""
    absent = {n: e.needs for n, e in spec.entrants.items() if e.needs is not None and not _is_there(e.needs)}
    found = {name: entrant for name, entrant in spec.entrants.items() if name not in absent}
    if not found:
        raise ConfigError(
            f"benchmark.entrants: none can be run here: pip install {' '.join(sorted(set(absent.values())))}"
        )
    return found, absent


def _is_there(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:
        return False


def _parts(
    spec: Benchmark,
    entrants: Mapping[str, Entrant],
    invocation: Invocation,
    *,
    name: str,
    folder: Path | None,
    recompose: Recompose,
) -> tuple[dict[str, Asked], list[OuterPart]]:
    """The tables, by name (empty: the configured dataset), and all outer parts: table by table, fold by fold."""
    typed = [override for override in invocation.overrides if not _is_own(override)]
    tables: dict[str, Asked] = {}
    parts = []
    for table in spec.tables or ("",):
        about = spec.tables.get(table)
        of_table = () if about is None else (f"dataset={table}", *about.overrides)
        overrides, hashes = {}, {}
        for entrant, what in entrants.items():
            overrides[entrant] = (*typed, *of_table, *what.overrides, f"name={name}", *_one_at_a_time(spec, typed))
            composed, its = recompose("benchmark", overrides[entrant], folder)
            hashes[entrant] = digest_of(its.config_hash, what.search)
            if table not in tables:
                tables[table] = _asked(composed)
        for seed in spec.seeds:
            for fold in range(spec.folds):
                outer = f"dataset.split.outer={{folds: {spec.folds}, fold: {fold}, seed: {seed}}}"
                parts += [
                    OuterPart(
                        benchmark=spec.name,
                        table=table,
                        entrant=entrant,
                        seed=seed,
                        fold=fold,
                        search=what.search,
                        overrides=(*overrides[entrant], outer, f"dataset.split.seed={seed}", f"seed={seed}"),
                        config_dir=folder,
                        digest=digest_of(hashes[entrant], tables[table].digest, spec.folds, seed, fold),
                    )
                    for entrant, what in entrants.items()
                ]
    return tables, parts


def _is_own(override: str) -> bool:
    key = key_of(override)
    return any(key == own or key.startswith(f"{own}.") for own in _OWN)


def _one_at_a_time(spec: Benchmark, typed: Sequence[str]) -> tuple[str, ...]:
    """If several outer parts run at once, each uses one core."""
    said = any(key_of(override) == "study.parallel" for override in typed)
    return ("study.parallel=1",) if spec.parallel > 1 and not said else ()


def _asked(experiment: Experiment) -> Asked:
    from housing.data.storage import read

    dataset = experiment.dataset
    with sources_reached(experiment.runner):
        return Asked(dataset.task_name, dataset.label_unit, read(dataset).digest())


def _done(session: Session, parts: Sequence[OuterPart]) -> dict[str, Run]:
    """The finished outer parts of the record, by digest."""
    wanted = {part.digest for part in parts}
    found = session.runs.finished_with({schema.KIND: "outer", schema.BENCHMARK: parts[0].benchmark})
    known: dict[str, Run] = {}
    for run in found:
        digest = run.tags.get(schema.OUTER_DIGEST, "")
        if digest in wanted:
            known.setdefault(digest, run)
    return known


def _tell(
    reporter: Reporter,
    spec: Benchmark,
    parts: Sequence[OuterPart],
    left: Sequence[OuterPart],
    absent: Mapping[str, str],
) -> None:
    for entrant, module in absent.items():
        reporter.step("left out", f"{entrant}: it needs {module}, which is not installed")
    known = len(parts) - len(left)
    reporter.step(
        "benchmark",
        f"{spec.name}: {len(parts)} outer parts ({len(spec.seeds)} x {spec.folds} folds)"
        + (f", {known} of them in the record already" if known else ""),
    )


# --- at work --------------------------------------------------------------------------------------------------------


def _score_all(
    parts: Sequence[OuterPart], spec: Benchmark, recompose: Recompose, session: Session, tables: Mapping[str, Asked]
) -> list[str]:
    """Score all parts; returns a line for each that failed."""
    failures: list[str] = []
    reporter = session.reporter
    with _scorers(min(spec.parallel, len(parts)), recompose) as ended:
        for number, (part, run_id, failure) in enumerate(ended(parts, reporter), 1):
            of = f"{number} of {len(parts)}"
            if failure:
                failures.append(f"{part.name}: {failure.splitlines()[0]}")
                reporter.step("failed", f"{of}  {failures[-1]}")
            else:
                reporter.step("scored", f"{of}  {part.name}: {told(session.runs.get(run_id), tables[part.table])}")
    return failures


_Ended = Iterator[tuple[OuterPart, str, str]]


@contextmanager
def _scorers(count: int, recompose: Recompose) -> Iterator[Callable[[Sequence[OuterPart], Reporter], _Ended]]:
    """A function that scores parts, `count` at once, and yields each with its run's id or its error."""
    if count == 1:

        def here(parts: Sequence[OuterPart], reporter: Reporter) -> _Ended:
            for part in parts:
                with reporter.working(part.name):
                    run_id, failure = _scored(part, recompose)
                yield part, run_id, failure

        yield here
        return
    from housing.workflow.outer_processes import processes

    with processes(count) as submit:

        def beside(parts: Sequence[OuterPart], reporter: Reporter) -> _Ended:
            with reporter.working(f"{count} outer parts at once"):
                for place, (run_id, failure) in submit(_scored, [(part, recompose) for part in parts]):
                    yield parts[place], run_id, failure

        yield beside


def _scored(part: OuterPart, recompose: Recompose) -> tuple[str, str]:
    try:
        return score(part, recompose), ""
    except HousingError as error:
        return "", str(error) or type(error).__name__
    except Exception as error:  # a bug in one must not end the others
        return "", f"{type(error).__name__}: {error}"
