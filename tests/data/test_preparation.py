from __future__ import annotations

import numpy as np
import pytest

from housing.config.load import load
from housing.data.preparation import Prepared, prepare
from housing.errors import DataError


@pytest.fixture(scope="module")
def ames() -> Prepared:
    experiment = load()
    return prepare(experiment.dataset, experiment.features)


def test_folds_hold_each_training_row_out_once_and_no_other_row(ames: Prepared) -> None:
    folds = ames.folds(5, seed=0)
    held_out = np.concatenate([fold["validation"].label for fold in folds])
    assert np.array_equal(np.sort(held_out), np.sort(ames.channels["train"].label))
    for fold in folds:
        assert len(fold["train"].label) + len(fold["validation"].label) == len(ames.parts.train)
    assert {len(fold["validation"].label) for fold in folds} == {233, 234}


def test_what_a_final_fit_is_judged_by_holds_out_a_fold_of_all_its_rows(ames: Prepared) -> None:
    held = ames.held_out_of_final(5, seed=0)
    rows = np.concatenate([ames.parts.train, ames.parts.validation])
    assert sorted(np.concatenate(held).tolist()) == sorted(rows.tolist())
    for fold, places in zip(ames.final_folds(5, seed=0), held, strict=True):
        assert len(fold["train"].label) == len(rows) - len(places)
        assert fold["validation"].label.tolist() == ames.table["SalePrice"][places].tolist()


def test_the_same_seed_gives_the_same_folds(ames: Prepared) -> None:
    def digests(seed: int) -> list[str]:
        return [fold["validation"].digest for fold in ames.folds(3, seed=seed)]

    assert digests(1) == digests(1)
    assert digests(1) != digests(2)


def test_there_are_no_more_folds_than_training_rows(ames: Prepared) -> None:
    with pytest.raises(DataError, match=r"2000 folds need as many training rows, there are 1,168"):
        ames.folds(2000, seed=0)
