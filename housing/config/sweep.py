"""The jobs of a multirun: Hydra's sweep syntax, each configuration composed at the cost of its values alone.

Hydra's basic launcher takes a fifth of a second a job, one after the other, for reading the same files again. Jobs run
here instead, unless a launcher or sweeper plugin is chosen: those get what Hydra gives them.
"""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from copy import deepcopy
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from typing import Any, Protocol

from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.utils import JobReturn
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from housing.config import compose as composing
from housing.config import faults as report
from housing.config.compose import Composed
from housing.config.faults import Fault
from housing.config.files import Files
from housing.config.load import check, read_overrides
from housing.config.overrides import COMMAND_LINE, Overrides, as_typed, written_key
from housing.errors import ConfigError


class Task(Protocol):
    """One job of a sweep; launchers send it to other processes, so it can be pickled, as can what it returns."""

    def __call__(self, composed: Composed, overrides: tuple[str, ...]) -> Any:
        """Do the job. It answers for its own failures: an exception ends the whole sweep."""


class Sweep:
    """Every combination of the values that were typed, the last key's values changing fastest."""

    def __init__(self, overrides: Sequence[str], config_dir: Path | None) -> None:
        """Raises ConfigError for what cannot be read or swept."""
        self._files = Files.beside(config_dir)
        self._read = read_overrides(overrides, self._files, sweep=True)
        self._values = _values(self._read, self._files)
        self._composer = _Composer(self._files)

    def first(self) -> Composed:
        """Checks every value that the sweep will try; the first job's configuration, which speaks for all."""
        found: list[ConfigError] = []
        jobs = []
        for single in self._singles():
            try:
                job = self._composer.compose(replace(self._read, composed=single))
                check(job)
            except ConfigError as error:
                if str(error) not in map(str, found):
                    found.append(error)
            else:
                jobs.append(job)
        if found:
            raise ConfigError("\n\n".join(str(error) for error in found[:_MOST_ERRORS]))
        return jobs[0]

    @property
    def runs_here(self) -> bool:
        """Whether jobs run in this process, rather than where a plugin of Hydra sends them."""
        hydra = self._composer.hydra(replace(self._read, composed=next(self._singles())))
        chosen = hydra.runtime.choices
        by_default = chosen["hydra/launcher"] == "basic" and chosen["hydra/sweeper"] == "basic"
        return by_default and not hydra.sweeper.params and not hydra.callbacks

    def run(self, task: Task, *, parallel: int = 1, stopping: threading.Event | None = None) -> list[Any]:
        """What the task returned for each job, in order. `parallel` jobs at once; 1 keeps them on this thread.

        When it is interrupted it sets `stopping`, waits for the running jobs and begins no other.
        """
        jobs = ((self._composer.compose(replace(self._read, composed=job)), _typed(job)) for job in self._jobs())
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
        with tempfile.TemporaryDirectory(prefix="housing-sweep-") as folder, composing.hydra(self._files):
            # Hydra writes a multirun.yaml and makes a folder for each job. MLflow keeps all that; a launcher that
            # needs a shared folder is given one by hydra.sweep.dir=<folder>.
            written = ["hydra.mode=MULTIRUN", f'hydra.sweep.dir="{folder}"', *self._read.composed]
            batches = GlobalHydra.instance().hydra.multirun(
                config_name=composing.CONFIG, task_function=_Job(self._files, task), overrides=written
            )
        return [job.return_value for batch in batches or [] for job in batch if isinstance(job, JobReturn)]

    def _jobs(self) -> Iterator[tuple[str, ...]]:
        return product(*self._values)

    def _singles(self) -> Iterator[tuple[str, ...]]:
        """The first job, then each further value with the first one of every other key: every value once."""
        start = tuple(values[0] for values in self._values)
        yield start
        for place, values in enumerate(self._values):
            for value in values[1:]:
                yield (*start[:place], value, *start[place + 1 :])


_MOST_ERRORS = 5


class _Composer:
    """Composes configurations that differ in values: Hydra reads the files once for each choice of options."""

    def __init__(self, files: Files) -> None:
        self._files = files
        self._parser = OverridesParser.create()
        self._bases: dict[tuple[str, ...], tuple[DictConfig, DictConfig]] = {}

    def compose(self, overrides: Overrides) -> Composed:
        """As `compose.compose` does, and with its errors."""
        values = [] if overrides.deleted else [o for o in overrides.composed if _is_value(o)]
        base, hydra = self._base(overrides, values)
        cfg = deepcopy(base)
        try:
            for override in self._parser.parse_overrides(values):
                # What Hydra does for `++` once it has composed.
                OmegaConf.update(cfg, override.key_or_group, override.value(), merge=True, force_add=True)
        except OmegaConfBaseException:
            return composing.compose(overrides, self._files)
        return composing.composed(cfg, _plain(hydra.runtime.choices), self._files, overrides)

    def hydra(self, overrides: Overrides) -> DictConfig:
        """Hydra's own part of a configuration."""
        return self._base(overrides, [o for o in overrides.composed if _is_value(o)])[1]

    def _base(self, overrides: Overrides, values: Sequence[str]) -> tuple[DictConfig, DictConfig]:
        options = tuple(o for o in overrides.composed if o not in values)
        if options not in self._bases:
            cfg = composing.by_hydra(replace(overrides, composed=options), self._files)
            self._bases[options] = composing.without_hydra(cfg), cfg.hydra
        return self._bases[options]


def _is_value(override: str) -> bool:
    """Whether it writes a value of ours, rather than choosing an option or telling Hydra something."""
    return override.startswith("++") and not override.startswith("++hydra.")


def _typed(overrides: Sequence[str]) -> tuple[str, ...]:
    return tuple(as_typed(override) for override in overrides)


def _plain(choices: DictConfig) -> dict[Any, Any]:
    plain = OmegaConf.to_container(choices)
    assert isinstance(plain, dict)
    return plain


@dataclass(frozen=True)
class _Job:
    """What a launcher calls."""

    files: Files
    task: Task

    def __call__(self, cfg: DictConfig) -> Any:
        hydra = HydraConfig.get()
        task: list[str] = list(hydra.overrides.task)
        keys = frozenset(path for path in map(written_key, task) if path)
        choices = _plain(hydra.runtime.choices)
        composed = composing.composed(cfg, choices, self.files, Overrides(tuple(task), keys))
        return self.task(composed, _typed(task))


def _values(read: Overrides, files: Files) -> list[list[str]]:
    """For each override what it stands for, one for each value. Raises ConfigError for what has no list of values."""
    with composing.hydra(files):
        parser = OverridesParser.create(config_loader=GlobalHydra.instance().config_loader())
        parsed = parser.parse_overrides(list(read.composed))
    texts: list[list[str]] = []
    for override in parsed:
        if not override.is_sweep_override():
            texts.append([str(override.input_line)])
        elif override.is_discrete_sweep():
            texts.append([f"{override.get_key_element()}={value}" for value in override.sweep_string_iterator()])
        else:
            token = as_typed(str(override.input_line))
            fault = Fault((token,), "only lists, choices and ranges can be swept", where=COMMAND_LINE)
            raise report.error([fault], lambda _: COMMAND_LINE)
    return texts
