from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from housing.tuning.leaderboard import leaderboard
from housing.tuning.trial import FinishedTrial, State, dominates


def trial(number: int, *values: float, state: State = "complete") -> FinishedTrial:
    return FinishedTrial(number, {"eta": 0.1}, state, values or None)


def test_complete_trials_stand_first_best_first_and_equals_by_number() -> None:
    trials = [
        trial(0, state="failed"),
        trial(4, 1.0),
        trial(1, 3.0),
        trial(2, 1.0),
        trial(5, state="interrupted"),
        trial(3, 0.5, state="pruned"),
    ]
    rows = leaderboard(trials, ("minimize",))
    assert [(r.rank, r.number) for r in rows] == [(1, 2), (2, 4), (3, 1), (None, 3), (None, 0), (None, 5)]
    assert [r.number for r in leaderboard(trials, ("maximize",))][:3] == [1, 2, 4]


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), max_size=25))
def test_a_rank_of_several_objectives_is_beaten_by_the_rank_before_it_only(values: list[tuple[int, int]]) -> None:
    rows = leaderboard([trial(n, *map(float, v)) for n, v in enumerate(values)], ("minimize", "minimize"))
    by_rank: dict[int, list[tuple[float, ...]]] = {}
    for row in rows:
        assert row.rank is not None
        assert row.values is not None
        by_rank.setdefault(row.rank, []).append(row.values)
    for rank, front in by_rank.items():
        assert not any(dominates(one, other) for one in front for other in front)
        assert rank == 1 or all(any(dominates(better, v) for better in by_rank[rank - 1]) for v in front)
