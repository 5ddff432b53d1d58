"""conf/ and overrides in, one checked `Experiment` out: the public interface of `config`."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from housing.config import faults as report
from housing.config.bases import composed_by_hydra
from housing.config.check import experiment_of
from housing.config.compose import Composed, completed, hydra_yaml
from housing.config.faults import Fault
from housing.config.files import Files
from housing.config.hyperparameters import option_faults
from housing.config.overrides import COMMAND_LINE, Overrides
from housing.config.parsed_override import typed
from housing.config.schema import Experiment
from housing.errors import ConfigError
from housing.secrets import masked_values

__all__ = ["Composed", "check", "compose", "config_hash", "load", "read_overrides", "show"]


def load(overrides: Sequence[str] = (), config_dir: Path | None = None, *, search: bool = False) -> Experiment:
    """The checked experiment; raises ConfigError with every fault. `search` as in `compose`."""
    return check(compose(overrides, config_dir, search=search))


def compose(overrides: Sequence[str] = (), config_dir: Path | None = None, *, search: bool = False) -> Composed:
    """What Hydra makes of conf/, a user's folder in front of it, and overrides; not checked yet.

    `search`: the command has a study, so that `algorithm.eta=interval(0.01,0.3)` is an entry of its search space.
    Raises ConfigError when there is nothing to check: an override or a file that cannot be read, an option that does
    not exist.
    """
    read, files = read_overrides(overrides, config_dir, sweep=False, search=search)
    return completed(composed_by_hydra(read, files), files, read)


def show(overrides: Sequence[str], config_dir: Path | None, what: str, *, search: bool = False) -> str:
    """The composed YAML, as `--cfg job|hydra|all` prints it; the same errors as `compose`."""
    if what == "job":
        return compose(overrides, config_dir, search=search).yaml
    read, files = read_overrides(overrides, config_dir, sweep=False, search=search)
    return hydra_yaml(read, files, everything=what == "all")


def read_overrides(
    overrides: Sequence[str], config_dir: Path | None, *, sweep: bool, search: bool = False
) -> tuple[Overrides, Files]:
    """The parsed overrides, and the configuration files.

    When any override cannot be parsed, raises ConfigError with everything that is wrong on the command line.
    """
    files = Files.beside(config_dir)
    if not overrides:
        return Overrides(()), files
    found: list[Fault] = []
    parsed = typed(overrides, found)
    from housing.config import override_reader

    read = override_reader.read(parsed, files, found, sweep=sweep, search=search)
    if found:
        found += [] if sweep else _on_the_same_line(read, files)
        raise report.error(found, lambda _: COMMAND_LINE)
    return read, files


def check(composed: Composed) -> Experiment:
    """Raises ConfigError with every fault, each with its key, where it comes from, the rule and the way out."""
    found = list(composed.faults)
    experiment = experiment_of(composed.raw, found)
    if experiment is not None:
        found += option_faults(experiment.search_space, composed.files, ("search_space",))
    if experiment is None or found:
        raise report.error(_worth_telling(found, composed), composed.where)
    return experiment


def config_hash(experiment: Experiment) -> str:
    """SHA-256 of what defines the experiment: not of where it is recorded, of parallelism, resuming or benchmarks.

    Secrets are not included: with another password it is the same experiment.
    """
    values = masked_values(experiment.plain())
    del values["parallel"]
    for group, name in (("tracking", "uri"), ("tracking", "wait_s"), ("study", "resume")):
        del values[group][name]
    # Features are numbered in this order, so here the order of a mapping is part of the experiment.
    for group, ordered in (("dataset", "columns"), ("features", "derived")):
        values[group][ordered] = list(values[group][ordered].items())
    canonical = json.dumps(values, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(canonical.encode()).hexdigest()


def _worth_telling(found: list[Fault], composed: Composed) -> list[Fault]:
    """The faults, without those that merely follow from a value that could not be resolved."""
    return [f for f in found if f in composed.faults or not any(_touch(f.path, p) for p in composed.unresolved)]


def _touch(a: report.Path, b: report.Path) -> bool:
    """Whether one path contains the other."""
    return a[: len(b)] == b[: len(a)]


def _on_the_same_line(read: Overrides, files: Files) -> list[Fault]:
    """The other faults on the command line, when some of it could not be parsed."""
    try:
        rest = completed(composed_by_hydra(read, files), files, read)
    except ConfigError:
        return []
    found: list[Fault] = []
    experiment_of(rest.raw, found)
    placed = (replace(fault, where=rest.where(fault.path)) for fault in found)
    return [fault for fault in placed if fault.where == COMMAND_LINE]
