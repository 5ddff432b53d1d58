from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path
from string import ascii_lowercase

import pytest

from housing.config import keys
from housing.config.files import Files
from housing.config.load import compose
from housing.nearest import nearest


@pytest.mark.slow
def test_one_slip_in_any_key_is_answered_with_the_right_one(small: Path) -> None:
    tree = keys.legal(compose(["experiment=walkthrough", "study=tpe"], small).raw)
    paths = list(_paths(tree))
    assert len(paths) > 100
    cases = [((*path[:-1], typo), path) for path in paths for typo in _slips(path[-1])]
    wrong = [
        (typed, meant) for typed, meant in cases if not _is_legal(typed, tree) and keys.corrected(typed, tree) != meant
    ]
    legal = sum(_is_legal(typed, tree) for typed, _ in cases)
    assert len(wrong) <= 0.05 * (len(cases) - legal), wrong[:50]


def test_one_slip_in_a_group_of_a_key_is_answered_with_the_right_one(small: Path) -> None:
    tree = keys.legal(compose([], small).raw)
    cases = [
        ((typo, name), (group, name))
        for group, below in tree.items()
        for name in list(below)[:3]
        for typo in _slips(group)
        if typo not in tree
    ]
    wrong = [(typed, meant) for typed, meant in cases if keys.corrected(typed, tree) != meant]
    assert len(wrong) <= 0.05 * len(cases), wrong[:50]


def test_one_slip_in_any_option_is_answered_with_the_right_one() -> None:
    cases = [
        (typo, option, options)
        for options in Files.beside(None).groups.values()
        for option in options
        for typo in _slips(option)
        if typo not in options
    ]
    wrong = [(typed, meant) for typed, meant, options in cases if nearest(typed, options) != meant]
    assert len(wrong) <= 0.05 * len(cases), wrong[:50]


def _slips(name: str) -> Iterator[str]:
    """Every deletion and swap, and some insertions and replacements; a slip that empties a name is none."""
    chance = random.Random(name)
    for i in range(len(name)):
        letter = chance.choice(ascii_lowercase)
        slips = {
            name[:i] + name[i + 1 :],
            name[:i] + letter + name[i:],
            name[:i] + letter + name[i + 1 :],
            name[:i] + name[i : i + 2][::-1] + name[i + 2 :],
        }
        yield from sorted(slips - {name, ""})


def _paths(tree: keys.Tree, above: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    for name, below in tree.items():
        yield (*above, name)
        yield from _paths(below, (*above, name))


def _is_legal(path: tuple[str, ...], tree: keys.Tree) -> bool:
    for name in path:
        if name not in tree:
            return False
        tree = tree[name]
    return True
