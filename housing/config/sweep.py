"""Hydra's multirun, driven by its own sweeper and launcher, so that any launcher plugin works."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.utils import JobReturn
from omegaconf import DictConfig, OmegaConf

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


def first(overrides: Sequence[str], config_dir: Path | None) -> Composed:
    """Checks every value that the sweep will try, before anything runs; the first job's configuration."""
    files = Files.beside(config_dir)
    read = read_overrides(overrides, files, sweep=True)
    found: list[ConfigError] = []
    jobs = []
    for single in _singles(read, files):
        try:
            job = composing.compose(single, files)
            check(job)
        except ConfigError as error:
            if str(error) not in map(str, found):
                found.append(error)
        else:
            jobs.append(job)
    if found:
        raise ConfigError("\n\n".join(str(error) for error in found[:_MOST_ERRORS]))
    return jobs[0]


def run(overrides: Sequence[str], config_dir: Path | None, task: Task) -> list[Any]:
    """What the task returned for each job, in Hydra's order."""
    files = Files.beside(config_dir)
    read = read_overrides(overrides, files, sweep=True)
    with tempfile.TemporaryDirectory(prefix="housing-sweep-") as folder, composing.hydra(files):
        # Hydra writes a multirun.yaml and makes a folder for each job. MLflow keeps all that; a launcher that needs a
        # shared folder is given one by hydra.sweep.dir=<folder>.
        written = ["hydra.mode=MULTIRUN", f'hydra.sweep.dir="{folder}"', *read.composed]
        batches = GlobalHydra.instance().hydra.multirun(
            config_name=composing.CONFIG, task_function=_Job(files, task), overrides=written
        )
    return [job.return_value for batch in batches or [] for job in batch if isinstance(job, JobReturn)]


_MOST_ERRORS = 5


@dataclass(frozen=True)
class _Job:
    files: Files
    task: Task

    def __call__(self, cfg: DictConfig) -> Any:
        hydra = HydraConfig.get()
        choices = OmegaConf.to_container(hydra.runtime.choices)
        assert isinstance(choices, dict)
        task: list[str] = list(hydra.overrides.task)
        keys = frozenset(path for path in map(written_key, task) if path)
        composed = composing.composed(cfg, choices, self.files, Overrides(tuple(task), keys))
        return self.task(composed, tuple(as_typed(override) for override in task))


def _singles(read: Overrides, files: Files) -> Iterator[Overrides]:
    """The first job, then each further value with the first one of every other key: every value once."""
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
    start = [values[0] for values in texts]
    yield replace(read, composed=tuple(start))
    for place, values in enumerate(texts):
        for value in values[1:]:
            yield replace(read, composed=(*start[:place], value, *start[place + 1 :]))
