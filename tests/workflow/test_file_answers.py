"""Answers are written to a file batch by batch, in order; a command that was interrupted continues."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from pathlib import Path

import pytest

from housing.data.description import Dataset, Numeric
from housing.data.rows import RawRows, raw_rows
from housing.data.split_spec import Fractions, Split
from housing.errors import ConfigError, DataError
from housing.targets.base import Prediction
from housing.workflow.answer_file import answer_file
from housing.workflow.answer_table import AnswerTable
from housing.workflow.file_answers import FileAnswers, refuse_target

ROWS, AT_ONCE = 25, 4
DATASET = Dataset(
    name="homes",
    source="homes.csv",
    label="price",
    columns={"area": Numeric(), "price": Numeric()},
    split=Split(fractions=Fractions(0.6, 0.2, 0.2), seed=0),
)
WANTED = "price,variant\n" + "".join(f"{float(row * row)},champion\n" for row in range(ROWS))
QUESTION = {"the endpoint": "homes", "its models": "models:/homes/3"}


class _Steps:
    def __init__(self) -> None:
        self.texts: list[str] = []

    def step(self, _: str, text: str) -> None:
        self.texts.append(text)

    def working(self, _: str) -> nullcontext[None]:
        return nullcontext()


class _Asked:
    """Commands over the same file; `seen` are the areas that the last one asked about."""

    def __init__(self, folder: Path) -> None:
        self.input, self.output = folder / "rows.csv", folder / "predictions.csv"
        self.input.write_text("area\n" + "".join(f"{row}\n" for row in range(ROWS)))
        self.seen: list[int] = []
        self.told: list[str] = []

    def ask(self, before_piece: Callable[[int], object] = lambda _: None, question: dict[str, str] = QUESTION) -> None:
        rows, steps = raw_rows(str(self.input)), _Steps()
        self.seen = []
        answers = FileAnswers(self.output, rows, AnswerTable(DATASET), steps, question)  # type: ignore[arg-type]
        try:
            answers.write(lambda after: self._answered(rows, after, before_piece))
        finally:
            self.told = steps.texts

    def _answered(self, rows: RawRows, after: int, before_piece: Callable[[int], object]) -> Iterator[Prediction]:
        for number, piece in enumerate(rows.pieces(AT_ONCE, after=after)):
            before_piece(number)
            areas = [int(line) for line in piece.splitlines()[1:]]
            self.seen += areas
            yield Prediction([float(area * area) for area in areas], "champion")


@pytest.fixture
def asked(tmp_path: Path) -> _Asked:
    return _Asked(tmp_path)


def _interrupt(number: int) -> None:
    if number == 3:
        raise KeyboardInterrupt


def _left(asked: _Asked) -> list[str]:
    return sorted(file.name for file in asked.output.parent.iterdir() if file != asked.input)


def test_answers_come_in_order_and_nothing_else_is_left(asked: _Asked) -> None:
    asked.ask()
    assert asked.output.read_text() == WANTED
    assert _left(asked) == ["predictions.csv"]


def test_what_was_interrupted_goes_on_where_it_was(asked: _Asked) -> None:
    asked.output.write_text("of before")
    with pytest.raises(KeyboardInterrupt):
        asked.ask(_interrupt)
    assert asked.output.read_text() == "of before"
    assert asked.told == [
        f"12 of 25 rows are answered in {asked.output}.partial; run the same command again to continue"
    ]
    asked.ask()
    assert asked.seen == list(range(12, ROWS))
    assert asked.told == [f"continues after 12 rows that are in {asked.output}.partial"]
    assert asked.output.read_text() == WANTED
    assert _left(asked) == ["predictions.csv"]


def test_what_was_killed_goes_on_from_its_last_checkpoint(asked: _Asked, tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        asked.ask(_interrupt)
    kept = tmp_path.parent / f"{tmp_path.name}-kept"

    def keep_files(number: int) -> None:
        # What a command that is killed here leaves on the disk, half a line included.
        if number == 2:
            shutil.copytree(tmp_path, kept)
            with (kept / "predictions.csv.partial").open("a") as partial:
                partial.write("961.0,cham")

    asked.ask(keep_files)
    for file in kept.iterdir():
        if file.name != "rows.csv":
            shutil.copy(file, tmp_path)
    asked.ask()
    assert asked.seen == list(range(12, ROWS))
    assert asked.output.read_text() == WANTED


def _other_input(asked: _Asked) -> None:
    asked.input.write_text(asked.input.read_text())


def _cut_partial(asked: _Asked) -> None:
    with asked.output.with_name("predictions.csv.partial").open("r+") as partial:
        partial.truncate(20)


def _foreign_state(asked: _Asked) -> None:
    asked.output.with_name("predictions.csv.partial.json").write_text('{"rows": 12}')


@pytest.mark.parametrize(
    ("change", "question", "told"),
    [
        (_other_input, QUESTION, "the input changed since"),
        (lambda _: None, QUESTION | {"its models": "models:/homes/4"}, "its models changed since"),
        (_cut_partial, QUESTION, None),
        (_foreign_state, QUESTION, None),
    ],
)
def test_what_depends_on_something_else_is_begun_anew(
    asked: _Asked, change: Callable[[_Asked], None], question: dict[str, str], told: str | None
) -> None:
    with pytest.raises(KeyboardInterrupt):
        asked.ask(_interrupt)
    change(asked)
    asked.ask(question=question)
    assert asked.seen == list(range(ROWS))
    assert asked.told == ([f"{asked.output}.partial is started over: {told}"] if told else [])
    assert asked.output.read_text() == WANTED


def test_an_input_that_changes_meanwhile_is_refused(asked: _Asked) -> None:
    def change(number: int) -> None:
        if number == 5:
            asked.input.write_text(asked.input.read_text() + "7\n")

    with pytest.raises(DataError, match=r"rows\.csv: changed while its rows were being answered"):
        asked.ask(change)
    assert not asked.output.exists()
    asked.ask()
    assert asked.output.read_text() == WANTED + "49.0,champion\n"


def test_two_commands_do_not_write_one_file(asked: _Asked) -> None:
    with answer_file(asked.output, {}), pytest.raises(ConfigError, match="another command is writing it"):
        asked.ask()
    asked.ask()
    assert _left(asked) == ["predictions.csv"]


@pytest.mark.parametrize(
    ("output", "fault"),
    [
        (".", "is a folder; name a file in it"),
        ("there/out.csv", "there is no folder"),
        ("out.parquet", "answers are written as CSV; name it out.csv"),
        ("rows.csv", "is the file whose rows are to be answered"),
    ],
)
def test_a_target_that_cannot_be_is_refused_before_anything_is_asked(asked: _Asked, output: str, fault: str) -> None:
    with pytest.raises(ConfigError, match=fault):
        refuse_target(asked.output.parent / output, asked.input)
