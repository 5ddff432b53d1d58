"""A checked configuration -> what the workflow is told of the command."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from housing.config.alternatives import Alternatives
from housing.config.compose import Composed
from housing.config.load import check, compose
from housing.config.parsed_override import parsed
from housing.config.schema import Experiment
from housing.workflow.outcome import Invocation

WITH_A_STUDY = ("run", "tune", "benchmark")
"""Commands whose overrides may be entries of the search space, and that may resume a study."""

_AMONG_ALGORITHMS = "search_space=algorithms"
_OWN_CHOICES = ("config.yaml", "search_space", "algorithm", "hyperparameters")
_CHOOSES = re.compile(
    r"[+~]{0,2}((experiment|algorithm|hyperparameters|search_space)[@.=]|study="
    r"|study\.(?!(name|trials|parallel|time_limit_s|patience|reuse)=)|(dataset|features)=\w+\()"
)
_KEPT = re.compile(
    r"[+~]{0,2}((experiment|dataset|features|name|seed|deployment|tracking|target|runner|host|rehearsal)(@\w+)?(\.[^=]+)?"
    r"|algorithm(\.(name|script|container|hyperparameters|eval_metric|metric|bag)[^=]*)?|study(\.objective)?)(=|$)"
)
"""What a command that follows must be told again. Hyperparameters and search spaces stand in the record."""


def with_own_defaults(command: str, overrides: Sequence[str], config_dir: Path | None) -> tuple[str, ...]:
    """What was typed, with what the command means where nothing is said: `run` then compares algorithms.

    An algorithm, a search or an experiment that somebody has chosen, here or in files of their own, is left alone.
    """
    is_chosen = any(_CHOOSES.match(override) for override in overrides)
    has_own = config_dir is not None and any((config_dir / name).exists() for name in _OWN_CHOICES)
    if command != "run" or is_chosen or has_own:
        return tuple(overrides)
    return (_AMONG_ALGORITHMS, *overrides)


def invocation_of(
    command: str,
    overrides: Sequence[str],
    *,
    composed: Composed,
    experiment: Experiment,
    parent_run_id: str | None = None,
) -> Invocation:
    """Raises ConfigError for options that the search space may choose and that are no good."""
    alternatives = Alternatives(composed, experiment)
    theirs = composed.files.theirs
    return Invocation(
        command,
        tuple(overrides),
        lambda: composed.yaml,
        alternatives.config_hash,
        alternatives,
        parent_run_id,
        str(theirs) if theirs else None,
        tuple(word for word in overrides if _KEPT.match(word) and parsed(word).form == "value"),
    )


def recomposed(command: str, overrides: Sequence[str], config_dir: Path | None) -> tuple[Experiment, Invocation]:
    """A command of an earlier day, composed and checked again; raises ConfigError."""
    composed = compose(overrides, config_dir, search=command in WITH_A_STUDY)
    experiment = check(composed)
    return experiment, invocation_of(command, overrides, composed=composed, experiment=experiment)
