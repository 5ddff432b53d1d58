"""Guesses how the rows of an undescribed file are divided into parts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from housing.data.guesses import Guess
from housing.data.part_names import parts_named
from housing.data.yaml_text import value_text

_FRACTIONS = "  fractions: {train: 0.6, validation: 0.2, test: 0.2}"
_OF_THE_REST = {
    "validation": "  fractions: {train: 0.8, validation: 0.2}",
    "test": "  fractions: {train: 0.8, validation: 0, test: 0.2}",
}


def split_lines(guesses: Mapping[str, Guess], evenly: str) -> list[str]:
    """The YAML lines of the split; `evenly` says how levels of the label are divided."""
    claims = next((found for name, guess in guesses.items() if (found := _claims(name, guess))), None)
    if claims is not None:
        claim, fractions, taken = claims
        # Groups are not guessed here: the column may divide them, which would be refused.
        return ["split:", claim, *(_by_time(guesses, taken) if fractions else ()), *fractions, "  seed: 0"]
    if rule := _by_time(guesses) or _by_group(guesses):
        return ["split:", *rule, _FRACTIONS, "  seed: 0"]
    first = f"split:  # guess: rows at random{evenly}; by_column claims rows by a value instead"
    return [first, _FRACTIONS, "  seed: 0"]


def _claims(name: str, guess: Guess) -> tuple[str, Sequence[str], str] | None:
    """The line of a column that says each row's part, that of fractions for rows that it does not claim, if any, and
    the part that is taken from these.

    A part without a name in the column is taken out of the rows of training, which are not claimed then.
    """
    parts = parts_named(guess.parts)
    if parts is None:
        return None
    lacking = next((part for part in _OF_THE_REST if part not in parts), None)
    keys = [(part, texts) for part, texts in parts.items() if part != "train" or lacking is None]
    words = ", ".join(f"{part}: [{', '.join(map(value_text, texts))}]" for part, texts in keys)
    line = f"  by_column: {{column: {value_text(name)}, {words}}}  # guess: it says each row's part"
    if lacking is None:
        return line, [_FRACTIONS] if guess.missing else (), "test"
    return f"{line}; {lacking} is taken from the other rows", [_OF_THE_REST[lacking]], lacking


def _by_time(guesses: Mapping[str, Guess], last: str = "test") -> Sequence[str]:
    date = next((name for name, guess in guesses.items() if guess.kind == "date" and not guess.missing), None)
    why = f"guess: the last rows are the {last}, as the future will be; without by_time rows are divided at random"
    return () if date is None else (f"  by_time: {{column: {value_text(date)}}}  # {why}",)


def _by_group(guesses: Mapping[str, Guess]) -> Sequence[str]:
    group = next((name for name, guess in guesses.items() if guess.kind == "identifier" and not guess.unique), None)
    why = "guess: rows of one are never divided; without by_group rows are divided at random"
    return () if group is None else (f"  by_group: {value_text(group)}  # {why}",)
