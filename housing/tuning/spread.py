"""How sure the mean of a trial over several fits is, and which trials cannot be told from the best."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from statistics import fmean, stdev

from housing.tuning.spec import Study
from housing.tuning.trial import FinishedTrial

_LEVEL = 0.95


def half_width(values: Sequence[float], study: Study) -> float | None:
    """Of the 95 % interval around the mean of a trial's fits, by Student's t; None of one fit.

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
    """The complete trials besides the best whose difference from it may be luck: its 95 % interval holds 0.

    Differences are taken fit by fit: the same folds and the same seeds. Each pair is judged by itself.
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
