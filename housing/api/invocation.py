"""A checked configuration -> the `Invocation` that the workflow gets."""

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
"""Overrides that a follow-up command must repeat. Hyperparameters and search spaces are in the record."""


def with_own_defaults(command: str, overrides: Sequence[str], config_dir: Path | None) -> tuple[str, ...]:
    """The overrides, with the command's own default in front: `run` compares algorithms unless one is chosen.

    It is not added where the user has chosen an algorithm, a search or an experiment, by override or in their own
    files.
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
    """The invocation; raises ConfigError for invalid options among those that the search space may choose."""
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
    """An earlier command, composed and checked again; raises ConfigError."""
    composed = compose(overrides, config_dir, search=command in WITH_A_STUDY)
    experiment = check(composed)
    return experiment, invocation_of(command, overrides, composed=composed, experiment=experiment)
