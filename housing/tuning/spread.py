"""The interval of a trial's mean over several fits, and the trials that cannot be distinguished from the best."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from statistics import fmean, stdev

from housing.tuning.spec import Study
from housing.tuning.trial import FinishedTrial

_LEVEL = 0.95


def half_width(values: Sequence[float], study: Study) -> float | None:
    """The half width of the 95 % interval of the mean of a trial's fits, by Student's t; None for one fit.

    Fits to different folds share most of their rows, so that their values lie closer together than new rows would put
    them: the variance of the mean is taken as Nadeau and Bengio (2003) correct it. Fits that differ by their seed alone
    say how much is the seed's luck, and nothing of other rows.
    """
    from scipy.special import stdtrit

    if len(values) < 2:
        return None
    shared = 1 / (study.folds - 1) if study.folds > 1 else 0.0
    deviation = stdev(values) * math.sqrt(1 / len(values) + shared)
    return float(stdtrit(len(values) - 1, (1 + _LEVEL) / 2)) * deviation


def ties(best: FinishedTrial, trials: Iterable[FinishedTrial], study: Study) -> list[FinishedTrial]:
    """The complete trials besides the best whose difference from it may be chance: its 95 % interval contains 0.

    Differences are paired by fit: the same folds and the same seeds. Each pair is tested separately.
    """
    found = []
    for trial in trials:
        if trial.number == best.number or trial.state != "complete" or len(trial.fits) != len(best.fits):
            continue
        differences = [one - other for one, other in zip(trial.fits, best.fits, strict=True)]
        width = half_width(differences, study)
        if width is not None and abs(fmean(differences)) <= width:
            found.append(trial)
    return found
