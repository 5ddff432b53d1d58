"""The jobs of a multirun: Hydra's sweep syntax.

Hydra's basic launcher takes 0.2 s per job, one after the other, to read the same files again. Jobs run here instead,
unless a launcher or sweeper plugin is chosen, which Hydra then calls as usual.
"""

from __future__ import annotations

import math
import random
import tempfile
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from decimal import Decimal
from itertools import product
from pathlib import Path
from typing import Any, NoReturn, Protocol

from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Glob, Override, RangeSweep
from hydra.core.utils import JobReturn
from omegaconf import DictConfig, OmegaConf

from housing.config import faults as report
from housing.config.bases import Base, composed_by_hydra
from housing.config.by_hydra import by_hydra, initialized_hydra
from housing.config.compose import Composed, completed
from housing.config.faults import Fault
from housing.config.files import CONFIG, Files
from housing.config.load import check, read_overrides
from housing.config.overrides import COMMAND_LINE, EACH_ALGORITHM, Overrides, as_typed, written_key
from housing.errors import ConfigError


class Task(Protocol):
    """The callable that does a job of a sweep. Launchers send it to other processes: it and its results must be
    picklable.
    """

    def __call__(self, composed: Composed, overrides: tuple[str, ...]) -> Any:
        """Do the job. It must handle its own failures: an exception ends the whole sweep."""


class Sweep:
    """Every combination of the values that were typed, the last key's values changing fastest."""

    def __init__(self, overrides: Sequence[str], config_dir: Path | None) -> None:
        """Raises ConfigError for what cannot be read or swept."""
        self._read, self._files = read_overrides(overrides, config_dir, sweep=True)
        self._values = _values(self._read, self._files)

    def first(self) -> Composed:
        """The first job's configuration, after every value of the sweep has been checked."""
        errors: dict[str, None] = {}
        first: Composed | None = None
        for single in self._singles():
            try:
                job = self._composed(single)
                check(job)
            except ConfigError as error:
                errors[str(error)] = None
                if len(errors) == _MOST_ERRORS:
                    break
            else:
                first = first or job
        if errors or first is None:
            raise ConfigError("\n\n".join(errors))
        return first

    @property
    def runs_here(self) -> bool:
        """Whether jobs run in this process, rather than where a plugin of Hydra sends them."""
        hydra = by_hydra(replace(self._read, composed=next(self._singles())), self._files).hydra
        chosen = hydra.runtime.choices
        by_default = chosen["hydra/launcher"] == "basic" and chosen["hydra/sweeper"] == "basic"
        return by_default and not hydra.sweeper.params and not hydra.callbacks

    def shown(self) -> str:
        """Every job as a YAML document that begins with what was typed for it; the same errors as `first`."""
        self.first()
        jobs = ((_typed(job), self._composed(job)) for job in self._jobs())
        return "".join(f"---\n# {' '.join(overrides)}\n{composed.yaml}" for overrides, composed in jobs)

    def jobs(self) -> Iterator[tuple[Composed, tuple[str, ...]]]:
        """The configuration of each job, and what was typed for it."""
        return ((self._composed(job), _typed(job)) for job in self._jobs())

    def run(self, task: Task, *, parallel: int = 1, stopping: threading.Event | None = None) -> list[Any]:
        """What the task returned for each job, in order. `parallel` jobs at once; 1 keeps them on this thread.

        When it is interrupted it sets `stopping`, waits for the running jobs and begins no other.
        """
        jobs = self.jobs()
        if parallel == 1:
            return [task(composed, overrides) for composed, overrides in jobs]
        with ThreadPoolExecutor(parallel, thread_name_prefix="multirun") as pool:
            try:
                futures = [pool.submit(task, composed, overrides) for composed, overrides in jobs]
                return [future.result() for future in futures]
            except BaseException:
                if stopping is not None:
                    stopping.set()
                pool.shutdown(wait=False, cancel_futures=True)
                raise

    def run_by_plugin(self, task: Task) -> list[Any]:
        """The same through the launcher and sweeper that are chosen; `task` and its results must be picklable."""
        for override in self._read.composed:
            if EACH_ALGORITHM in override:
                rule = "is another file for each algorithm, which Hydra's plug-ins cannot be given"
                way_out = "write a multirun for each algorithm"
                short = override.replace(f"{EACH_ALGORITHM}/", "")
                raise report.error([Fault((short,), rule, way_out=way_out, where=COMMAND_LINE)], lambda _: COMMAND_LINE)
        with tempfile.TemporaryDirectory(prefix="housing-sweep-") as folder, initialized_hydra(self._files):
            # Hydra writes a multirun.yaml and makes a folder for each job. MLflow keeps all that; a launcher that
            # needs a shared folder is given one by hydra.sweep.dir=<folder>.
            written = ["hydra.mode=MULTIRUN", f'hydra.sweep.dir="{folder}"', *self._read.composed]
            batches = GlobalHydra.instance().hydra.multirun(
                config_name=CONFIG, task_function=_Job(self._files, task), overrides=written
            )
        return [job.return_value for batch in batches or [] for job in batch if isinstance(job, JobReturn)]

    def _composed(self, job: tuple[str, ...]) -> Composed:
        overrides = replace(self._read, composed=job)
        return completed(composed_by_hydra(overrides, self._files), self._files, overrides)

    def _jobs(self) -> Iterator[tuple[str, ...]]:
        return map(_with_own_folder, product(*self._values))

    def _singles(self) -> Iterator[tuple[str, ...]]:
        """The first job, then each further value combined with the first values of all other keys."""
        start = tuple(values[0] for values in self._values)
        yield _with_own_folder(start)
        for place, values in enumerate(self._values):
            for value in list(dict.fromkeys(values))[1:]:
                yield _with_own_folder((*start[:place], value, *start[place + 1 :]))


_MOST_ERRORS = 5
_MOST_JOBS = 100_000


def _with_own_folder(job: tuple[str, ...]) -> tuple[str, ...]:
    """The job's overrides, with options from its algorithm's folder by their full names."""
    chosen = [o.partition("=")[2].strip("'\"") for o in job if o.startswith("algorithm=")]
    return tuple(o.replace(f"{EACH_ALGORITHM}/", f"{chosen[-1]}/") for o in job) if chosen else job


def _typed(overrides: Sequence[str]) -> tuple[str, ...]:
    return tuple(as_typed(override) for override in overrides)


def _plain(choices: DictConfig) -> dict[Any, Any]:
    plain = OmegaConf.to_container(choices)
    assert isinstance(plain, dict)
    return plain


@dataclass(frozen=True)
class _Job:
    """The task function that a Hydra launcher calls."""

    files: Files
    task: Task

    def __call__(self, cfg: DictConfig) -> Any:
        hydra = HydraConfig.get()
        task: list[str] = list(hydra.overrides.task)
        keys = frozenset(path for path in map(written_key, task) if path)
        base = Base(cfg, _plain(hydra.runtime.choices))
        return self.task(completed(base, self.files, Overrides(tuple(task), keys)), _typed(task))


def _values(read: Overrides, files: Files) -> list[list[str]]:
    """For each override, the single-valued overrides that it stands for. Raises ConfigError where values cannot be
    listed.
    """
    with initialized_hydra(files):
        parser = OverridesParser.create(config_loader=GlobalHydra.instance().config_loader())
        parsed = parser.parse_overrides(list(read.composed))
        texts = [_each(override, files) for override in parsed]
    if (jobs := math.prod(map(len, texts))) > _MOST_JOBS:
        fault = Fault((), f"{jobs:,} jobs; a sweep has {_MOST_JOBS:,} at most", where=COMMAND_LINE)
        raise report.error([fault], lambda _: COMMAND_LINE)
    return texts


def _each(override: Override, files: Files) -> list[str]:
    if not override.is_sweep_override():
        return [str(override.input_line)]
    key, sweep = override.get_key_element(), override.value()
    match sweep:
        case RangeSweep():
            values = _steps(sweep, override)
        case Glob():
            options = files.groups.get(override.key_or_group)
            if options is None:
                _refuse(
                    override, "glob finds options of a group, and this is a value", "write choice(a,b) or range(3,9)"
                )
            values = list(override.sweep_string_iterator())
            if not values:
                _refuse(override, f"no option matches; available: {report.some_of(options)}")
        case _ if override.is_discrete_sweep():
            values = list(override.sweep_string_iterator())
        case _:
            _refuse(override, "only lists, choices and ranges can be swept")
    return [f"{key}={value}" for value in values]


def _steps(sweep: RangeSweep, override: Override) -> list[str]:
    """The numbers of a range as text, in decimal arithmetic, where 0.1 + 0.2 is 0.3."""
    start, stop, step = (Decimal(str(number)) for number in (sweep.start, sweep.stop, sweep.step))
    if not all(number.is_finite() for number in (start, stop, step)) or step == 0:
        _refuse(override, "a range takes finite numbers, and a step that is not 0")
    count = math.ceil((stop - start) / step)
    if count < 1:
        way_out = "its stop does not belong to it"
        if start != stop:
            way_out = f"give a step {'below' if stop < start else 'above'} 0: range({start},{stop},{-step})"
        _refuse(override, f"no number lies between {start} and {stop} in steps of {step}", way_out)
    if count > _MOST_JOBS:
        _refuse(override, f"has {count:,} values; a sweep has {_MOST_JOBS:,} jobs at most")
    whole = all(isinstance(number, int) for number in (sweep.start, sweep.stop, sweep.step))
    numbers = [start + number * step for number in range(count)]
    texts = [str(int(number)) if whole else repr(float(number)) for number in numbers]
    if sweep.shuffle:
        random.shuffle(texts)
    return texts


def _refuse(override: Override, rule: str, way_out: str = "") -> NoReturn:
    token = as_typed(str(override.input_line))
    raise report.error([Fault((token,), rule, way_out=way_out, where=COMMAND_LINE)], lambda _: COMMAND_LINE)
