from __future__ import annotations

from housing.reporting.comparison import Compared, compare
from housing.reporting.comparison_page import comparison_page


def run(
    number: int,
    *,
    split: str | None = "a",
    name: str | None = None,
    configuration: dict[str, float | str] | None = None,
) -> Compared:
    return Compared(
        id=f"{number:032x}"[::-1],
        name=name or f"t{number:02d} eta=0.{number}",
        split=split,
        configuration=configuration or {"eta": number / 10, "features": "plain"},
        metrics={
            "validation_mae": 100.0 - number,
            "train_mae": float(number),
            "training_seconds": float(number),
        },
        origin={"python": "3.11"},
    )


def test_equal_things_are_apart_from_those_that_differ() -> None:
    compared = compare([run(1), run(2)])
    assert [field.name for field in compared.differing] == ["eta", "validation_mae", "train_mae", "training_seconds"]
    assert [field.name for field in compared.equal] == ["features", "python"]


def test_what_only_one_run_has_differs() -> None:
    (gamma,) = [f for f in compare([run(1, configuration={"gamma": 1.0}), run(2)]).differing if f.name == "gamma"]
    assert gamma.values == (1.0, None)


def test_a_metric_s_best_run_is_marked_and_a_duration_has_none() -> None:
    best = {field.name: field.best for field in compare([run(1), run(3), run(2)]).fields}
    assert best["validation_mae"] == {1}
    assert best["training_seconds"] == set()


def test_the_lowest_error_on_the_rows_trained_on_is_no_merit() -> None:
    best = {field.name: field.best for field in compare([run(1), run(3), run(2)]).fields}
    assert best["train_mae"] == set()


def test_runs_are_called_by_the_first_word_of_their_name_while_that_tells_them_apart() -> None:
    assert compare([run(1), run(2)]).handles == ("t01", "t02")
    assert compare([run(1, name="train a"), run(2, name="train b")]).handles == ("train 1000", "train 2000")


def test_runs_judged_on_different_rows_are_said_not_to_be_comparable() -> None:
    assert compare([run(1), run(2)]).incomparable is None
    told = compare([run(1), run(2, split="b"), run(3, split=None)]).incomparable
    assert told is not None
    assert "not comparable" in told
    assert "t01 on split a; t02 on split b; t03 on rows that the record does not name" in told


def test_whole_numbers_stand_as_numbers_and_what_is_absent_with_them() -> None:
    compared = compare([run(1, configuration={"max_depth": 4}), run(2, configuration={"booster": "dart"})])
    page = comparison_page(compared, objective="mae", curves=[], lower_is_better=True)
    assert '<td>max_depth</td><td class="number">4</td><td class="number">-</td>' in page
    assert "<td>booster</td><td>-</td><td>dart</td>" in page
