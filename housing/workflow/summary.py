"""The summary of a finished study: the spread of its trials, what mattered, why it ended."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from statistics import median
from typing import TYPE_CHECKING, Any

from housing.training.metrics import direction
from housing.tuning.space import identity
from housing.workflow.configured import configured_point
from housing.workflow.references import NAIVE, References
from housing.workflow.session import Session
from housing.workflow.spending import Bill

if TYPE_CHECKING:
    from housing.tuning.importance import Importance
    from housing.tuning.study import StudyResult

_ENDED = {
    "trials": "",
    "exhausted": "; the space has no other points",
    "time_limit": "; stopped by study.time_limit_s",
    "patience": "; stopped by study.patience",
    "interrupted": "; interrupted",
}
_NEGLIGIBLE = 0.01
_MOST_TIES = 8


@dataclass(frozen=True)
class Summary:
    """`sentences` to be printed; `spread` is best, median and worst of the first objective over complete trials."""

    sentences: tuple[str, ...]
    spread: Mapping[str, float]
    importances: Mapping[str, Importance]
    costs: Mapping[str, float] = field(default_factory=dict)

    @property
    def data(self) -> dict[str, Any]:
        """The summary as JSON values."""
        shares = {name: found.share for name, found in self.importances.items()}
        between = {name: [found.low, found.high] for name, found in self.importances.items()}
        return {
            "spread": dict(self.spread),
            "importances": shares,
            "importances_between": between,
            "costs": dict(self.costs),
        }


def summarise(session: Session, result: StudyResult, found: References, cost: Bill | None = None) -> Summary:
    """Summarise a study. Importances are computed here, once, for the last block and the report."""
    objective = session.experiment.study.objectives[0]
    values = sorted(
        (t.values[0] for t in result.trials if t.state == "complete" and t.values),
        reverse=direction(objective, session.experiment.algorithm.directions) == "maximize",
    )
    spread = {"best": values[0], "median": median(values), "worst": values[-1]} if values else {}
    importances = result.importances()
    sentences = [_counts(result)]
    if values:
        sentences.append(f"{objective}: " + ", ".join(f"{n} {session.amount(v, objective)}" for n, v in spread.items()))
        sentences += _beside(session, result, objective, found)
        sentences += _ties(session, result, objective)
    if len(result.space) > 1 and values:
        sentences.append(_mattered(importances))
    if cost is not None:
        sentences.append(cost.sentence)
    return Summary(tuple(sentences), spread, importances, cost.metrics if cost is not None else {})


def _beside(session: Session, result: StudyResult, objective: str, found: References) -> list[str]:
    """Sentences that compare the best trial with the configured point and the references."""
    point = configured_point(session)
    told = [
        f"the configured point {session.amount(trial.values[0], objective)} (t{trial.number:02d})"
        for trial in result.trials
        if point is not None and trial.values and identity(trial.parameters) == identity(point)
    ]
    told += [
        f"{'the naive predictor' if name == NAIVE else name} {session.amount(values[objective], objective)}"
        for name, values in found.items()
        if objective in values
    ]
    return ["to compare with: " + ", ".join(told)] if told else []


def _ties(session: Session, result: StudyResult, objective: str) -> list[str]:
    """The interval of the best trial, if trials are means over several fits, and which others may be as good."""
    from housing.tuning.spread import half_width, ties

    study, best = session.experiment.study, result.best
    width = half_width(best.fits, study) if best is not None else None
    if best is None or best.values is None or width is None or len(study.objectives) > 1:
        return []
    low, high = (session.amount(best.values[0] + sign * width, objective) for sign in (-1, 1))
    tied = [f"t{trial.number:02d}" for trial in ties(best, result.trials, study)]
    named = ", ".join(tied[:_MOST_TIES]) + (f" and {len(tied) - _MOST_TIES} more" if len(tied) > _MOST_TIES else "")
    told = f"{named} tie with it" if len(tied) > 1 else f"{named} ties with it" if tied else "no other ties with it"
    return [f"t{best.number:02d}, 95% interval over {len(best.fits)} fits {low} to {high}; {told}"]


def _counts(result: StudyResult) -> str:
    states = Counter(trial.state for trial in result.trials)
    counts = ", ".join(f"{count} {state}" for state, count in states.most_common())
    return f"{len(result.trials):,} trials in {result.seconds:.1f} s: {counts}{_ENDED[result.ended]}"


def _mattered(importances: Mapping[str, Importance]) -> str:
    if not importances:
        return "what mattered: unknown with fewer than ten complete trials"
    shown = [
        f"{name} {found.share:.0%} ({found.low:.0%} to {found.high:.0%})"
        for name, found in importances.items()
        if found.share >= _NEGLIGIBLE
    ]
    rest = len(importances) - len(shown)
    more = f"; {rest:,} more under 1% each" if rest else ""
    return "what mattered, in nine of ten resamplings between: " + ", ".join(shown) + more
