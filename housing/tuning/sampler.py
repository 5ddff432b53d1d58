"""Proposals and pruning by Optuna, which is imported with this module and nowhere else.

With `random` and `tpe` every proposal has its own generator, seeded by the study's seed and the trial's number; `grid`,
`zip` and `qmc` continue from the last number. Numbers that an earlier session left unfinished come first. A resumed
study thus continues as if it had never stopped: always with grid, zip and random, given the same finished trials with
tpe, and except for the unfinished points with qmc. A resumed cmaes starts a new evolution around the best trials found.
"""

from __future__ import annotations

import random
import warnings
from collections.abc import Mapping, Sequence
from itertools import chain, count
from threading import Lock

import numpy as np

from housing.tuning.joint_samplers import Cmaes, Qmc, Tpe
from housing.tuning.memory import Memory, as_optuna, optuna_distribution, steps_done
from housing.tuning.optuna_library import optuna
from housing.tuning.space import (
    Categorical,
    Choice,
    Point,
    SearchSpace,
    grid,
    grid_size,
    identity,
    is_active,
    lies_in,
    order,
    tidy,
    zipped,
)
from housing.tuning.spec import Study
from housing.tuning.trial import Direction, FinishedTrial, Trial

# Optuna reports on stderr that it created a study in memory; the command line has its own messages.
optuna.logging.set_verbosity(optuna.logging.WARNING)

_LISTABLE = 10_000
_REPEATS_BEFORE_RANDOM = 3


class Sampler:
    """Proposes trials and judges running ones. Every method may be called from any thread."""

    def __init__(
        self,
        space: SearchSpace,
        study: Study,
        *,
        seed: int,
        directions: tuple[Direction, ...],
        past: Sequence[FinishedTrial] = (),
        known: Sequence[Point] = (),
        configured: Point | None = None,
        of_others: Sequence[Point] = (),
        begun: Mapping[int, Point] | None = None,
        rounds: int | None = None,
    ) -> None:
        """`begun` are proposed first, under their numbers, then the `configured` point, then the `known` ones; `rounds`
        is the most that a trial reports, for hyperband (None: unknown).

        The configured point is never pruned. It may lie outside of the space, and is then not passed to Optuna; so may
        those `of_others`, which come next: what they leave open is left to the algorithm.
        """
        self._space = space
        self._spec = study
        self._seed = seed % 2**32
        self._lock = Lock()
        self._order = order(space)
        self._distributions = {name: optuna_distribution(space[name]) for name in self._order}
        self._study = optuna.create_study(
            storage=Memory(directions),
            study_name="study",  # hyperband draws a trial's bracket from this name
            directions=list(directions),
            sampler=optuna.samplers.RandomSampler(),
            pruner=_pruner(study, rounds=rounds),
        )
        self._open: dict[int, optuna.Trial | None] = {}
        self._begun = dict(sorted((begun or {}).items()))
        self._beyond = 1 + max((*(t.number for t in past), *self._begun), default=-1)
        taken = {t.number for t in past} | self._begun.keys()
        self._numbers = chain(list(self._begun), (n for n in count() if n not in taken))
        self._next = next(self._numbers)
        self._tried = {identity(t.parameters) for t in past}
        self._configured = configured
        done = self._tried | {identity(point) for point in self._begun.values()}
        own = [*([configured] if configured is not None else []), *of_others]
        self._as_given = {identity(point) for point in own}
        new = (p for p in own if not any(identity(p) <= each for each in done))
        self._known = [*new, *(p for p in known if not any(identity(p) <= tried for tried in self._tried))]
        self._untried = self._list_untried()
        taught = [taught for t in past if (taught := as_optuna(t, space, self._distributions)) is not None]
        for trial in taught:
            self._study.add_trial(trial)
        # Samplers with generations or counters live as long as the study; others are made for each trial.
        self._lasting = self._lasting_sampler(taught)

    def ask(self) -> Trial | None:
        """The next proposal; None when every point of a finite space has been proposed."""
        with self._lock:
            begun = self._begun.pop(self._next, None)
            if begun is None and not self._known and self._untried is not None and not self._untried:
                return None
            fixed = begun or (self._known.pop(0) if self._known else None)
            if fixed is not None and identity(fixed) in self._as_given and not self._can_propose(fixed):
                return self._opened(None, dict(fixed))
            if fixed is None and self._spec.sampler in ("grid", "zip") and self._untried:
                fixed = next(iter(self._untried.values()))
            for attempt in range(_REPEATS_BEFORE_RANDOM):
                trial, parameters = self._propose(fixed or {}, attempt)
                if begun is not None or self._untried is None or identity(parameters) in self._untried:
                    break
                self._study.tell(trial, state=optuna.trial.TrialState.FAIL)
                fixed = None
            else:
                # A sampler that has converged repeats itself for ever; an untried point is worth more.
                trial, parameters = self._propose(next(iter((self._untried or {}).values())), _REPEATS_BEFORE_RANDOM)
            return self._opened(trial, parameters)

    def _opened(self, trial: optuna.Trial | None, parameters: Point) -> Trial:
        number, self._next = self._next, next(self._numbers)
        self._open[number] = trial
        self._tried.add(identity(parameters))
        if self._untried is not None:
            self._untried.pop(identity(parameters), None)
        return Trial(number, parameters, configured=self._is_configured(parameters))

    def _can_propose(self, point: Point) -> bool:
        return lies_in(point, self._space) and (self._untried is None or identity(point) in self._untried)

    def _is_configured(self, point: Point) -> bool:
        return self._configured is not None and identity(point) == identity(self._configured)

    def again(self, point: Point) -> None:
        """Propose a point next that has been proposed before."""
        with self._lock:
            self._known.insert(0, dict(point))
            if self._untried is not None and lies_in(point, self._space):
                self._untried[identity(point)] = dict(point)

    def report(self, number: int, step: int, value: float) -> bool:
        """Note a running trial's objective after a step (from 0); True when it should be pruned or has ended."""
        with self._lock:
            if number not in self._open:
                return True
            trial = self._open[number]
            if trial is None:
                return False
            trial.report(value, steps_done(step))
            return bool(trial.should_prune())

    def tell(self, finished: FinishedTrial) -> None:
        """Learn how a proposal ended."""
        with self._lock:
            trial = self._open.pop(finished.number)
            if trial is None:
                return
            if finished.state == "complete":
                self._study.tell(trial, list(finished.values or ()))
            elif finished.state == "pruned":
                self._study.tell(trial, state=optuna.trial.TrialState.PRUNED)
            else:
                self._study.tell(trial, state=optuna.trial.TrialState.FAIL)

    def _list_untried(self) -> dict[frozenset[tuple[str, Choice]], Point] | None:
        """Every point not yet proposed, in the study's own random order; None if there are too many to list.

        A grid is shuffled because a study may end early: tried points are then spread over all of it. Zipped values
        keep the order in which they were written.
        """
        if self._spec.sampler == "zip":
            return {key: point for point in zipped(self._space) if (key := identity(point)) not in self._tried}
        size = grid_size(self._space)
        if size is None or (size > _LISTABLE and self._spec.sampler != "grid"):
            return None
        points = list(grid(self._space))
        random.Random(self._seed).shuffle(points)
        return {key: point for point in points if (key := identity(point)) not in self._tried}

    def _propose(self, fixed: Point, attempt: int) -> tuple[optuna.Trial, dict[str, Choice]]:
        self._study.sampler = self._lasting or self._fresh_sampler(attempt)
        if fixed:
            self._study.enqueue_trial(dict(fixed))
        trial = self._study.ask()
        parameters: dict[str, Choice] = {}
        for name in self._order:
            if is_active(self._space[name], parameters):
                parameters[name] = _suggest(trial, name, self._distributions[name])
        return trial, {name: parameters[name] for name in self._space if name in parameters}

    def _fresh_sampler(self, attempt: int) -> optuna.samplers.BaseSampler:
        seed = int(np.random.SeedSequence((self._seed, self._next, attempt)).generate_state(1)[0])
        if self._spec.sampler != "tpe" or self._next < self._spec.startup_trials:
            return optuna.samplers.RandomSampler(seed=seed)
        return Tpe(self._joint(), multivariate=len(self._study.directions) == 1, seed=seed)

    def _lasting_sampler(self, past: Sequence[optuna.trial.FrozenTrial]) -> optuna.samplers.BaseSampler | None:
        if self._spec.sampler not in ("qmc", "cmaes"):
            return None
        joint = self._joint()
        with warnings.catch_warnings():
            # Experimental interfaces may change, but we pin Optuna's version.
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            if self._spec.sampler == "cmaes":
                return Cmaes(joint, self._spec.startup_trials, past=past, seed=self._seed + self._beyond)
            qmc = Qmc(joint, seed=self._seed)
        for _ in range(self._beyond):
            qmc.sample_relative(self._study, None, joint)
        return qmc

    def _joint(self) -> dict[str, optuna.distributions.BaseDistribution]:
        """What a sampler may draw at once: the parameters that always exist and can take more than one value.

        Optuna would infer this from the finished trials, again for every proposal.
        """
        numeric_only = self._spec.sampler == "cmaes"
        return {
            name: distribution
            for name, distribution in sorted(self._distributions.items())
            if self._space[name].only_if is None
            and not distribution.single()
            and not (numeric_only and isinstance(self._space[name], Categorical))
        }


def _pruner(study: Study, *, rounds: int | None) -> optuna.pruners.BasePruner:
    by_fit = study.fits > 1
    match study.pruner:
        case "median":
            return optuna.pruners.MedianPruner(
                n_startup_trials=study.startup_trials, n_warmup_steps=0 if by_fit else study.prune_after
            )
        case "hyperband":
            least = 1 if by_fit else max(study.prune_every, study.prune_after)
            most = study.fits if by_fit else rounds
            return optuna.pruners.HyperbandPruner(
                min_resource=least, max_resource="auto" if most is None else max(least, most)
            )
        case "none":
            return optuna.pruners.NopPruner()


def _suggest(trial: optuna.Trial, name: str, distribution: optuna.distributions.BaseDistribution) -> Choice:
    d = distribution
    choice: Choice
    if isinstance(d, optuna.distributions.FloatDistribution):
        number = trial.suggest_float(name, d.low, d.high, step=d.step, log=d.log)
        choice = number if d.step is None else tidy(number)
    elif isinstance(d, optuna.distributions.IntDistribution):
        choice = trial.suggest_int(name, d.low, d.high, step=d.step, log=d.log)
    else:
        choice = trial.suggest_categorical(name, d.choices)
    return choice
