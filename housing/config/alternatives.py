"""Searches over configuration groups: the same experiment with other options of some groups, each composed once."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace

from housing.config.bases import composed_by_hydra
from housing.config.compose import Composed, completed
from housing.config.load import check, config_hash
from housing.config.overrides import Overrides
from housing.config.schema import CHOOSABLE, Experiment
from housing.data.faults import listed
from housing.errors import ConfigError
from housing.tuning.space import grid, partition


class Alternatives:
    """Call it with options by group (`{"features": "domain"}`) for the experiment that has them, all else unchanged."""

    def __init__(self, composed: Composed, experiment: Experiment) -> None:
        """Composes and checks all that the search space can choose; raises ConfigError."""
        self._composed = composed
        self._experiment = experiment
        self._known: dict[frozenset[tuple[str, str]], Experiment] = {}
        _, groups = partition(experiment.search_space, groups=CHOOSABLE)
        for options in grid(groups):
            self({group: str(option) for group, option in options.items()})

    def __call__(self, options: Mapping[str, str]) -> Experiment:
        """The experiment with these options; raises ConfigError when they do not fit together, or predict something
        else.
        """
        key = frozenset(options.items())
        if key not in self._known:
            self._known[key] = self._chosen(options)
        return self._known[key]

    @property
    def config_hash(self) -> str:
        """SHA-256 of the experiment and of every alternative that the search space can choose."""
        own = config_hash(self._experiment)
        others = sorted(config_hash(other) for other in self._known.values())
        return hashlib.sha256("\n".join([own, *others]).encode()).hexdigest() if len(others) > 1 else own

    def _chosen(self, options: Mapping[str, str]) -> Experiment:
        if not options:
            return self._experiment
        named = ", ".join(f"{group}={option}" for group, option in options.items())
        try:
            start = self._experiment.study.start_from
            # Points are checked against the whole space, of which an option may leave out a part.
            overrides = _with(
                self._composed,
                options,
                fixed={"study.start_from": "[]"} if start and not isinstance(start, str) else {},
            )
            files = self._composed.files
            other = check(completed(composed_by_hydra(overrides, files), files, overrides))
        except ConfigError as error:
            raise ConfigError(f"with {named}, which the search space may choose: {error}") from None
        if (option := options.get("algorithm")) not in (None, other.algorithm.name):
            raise ConfigError(
                f"search_space.algorithm: the file of {option} has algorithm.name {other.algorithm.name}; among those "
                "a study's file has the name of its algorithm"
            )
        own, theirs = self._experiment.dataset, other.dataset
        if (own.task_name, own.label_levels) != (theirs.task_name, theirs.label_levels):
            raise ConfigError(
                f"search_space.dataset: {named} asks task {theirs.task_name} of {theirs.label} "
                f"({listed(theirs.label_levels) or 'a number'}), {own.name} asks {own.task_name} of {own.label} "
                f"({listed(own.label_levels) or 'a number'}); a study compares answers to one question"
            )
        if own.quantiles != theirs.quantiles:
            raise ConfigError(
                f"search_space.dataset: {named} asks for the quantiles {list(theirs.quantiles or ())}, {own.name} for "
                f"{list(own.quantiles or ())}; a study compares answers to one question"
            )
        if (own.label, own.label_unit) != (theirs.label, theirs.label_unit):
            mine, users = self._composed.chosen["dataset"].stem, self._composed.files.theirs
            folder = ("--config-dir", str(users)) if users else ()
            raise ConfigError(
                f"search_space.dataset: {named} predicts {theirs.label} in {theirs.label_unit or 'no unit'}, "
                f"{own.name} predicts {own.label} in {own.label_unit or 'no unit'}; a study compares errors of one "
                "label in one unit; one study for each",
                way_out=("tune", "-m", f"dataset={mine},{options['dataset']}", *folder),
            )
        return replace(self._experiment, **{group: getattr(other, group) for group in options})


def _with(composed: Composed, options: Mapping[str, str], *, fixed: Mapping[str, str]) -> Overrides:
    """The overrides that composed it, with these options, and the `fixed` values, in place of any that they chose."""
    kept, searched = list(composed.overrides.composed), dict(composed.overrides.searched)
    if options.get("algorithm") not in (None, _own_algorithm(composed)):
        # Overrides of the configured algorithm do not apply to another one.
        kept = [o for o in kept if not o.lstrip("+~").startswith("algorithm.")]
        searched = {name: token for name, token in searched.items() if name in CHOOSABLE or "." in name}
    kept = [o for o in kept if o.partition("=")[0].lstrip("+") not in {**options, **fixed}]
    named = (f"{group}={option}" for group, option in options.items())
    # Doubly added: the key may stand in a file, or nowhere.
    chosen = (*kept, *named, *(f"++{key}={value}" for key, value in fixed.items()))
    return replace(composed.overrides, composed=chosen, searched=searched)


def _own_algorithm(composed: Composed) -> object:
    algorithm = composed.raw.get("algorithm")
    return algorithm.get("name") if isinstance(algorithm, Mapping) else None
