"""Of a column of very many texts that are nothing but text, counts are exact and a sample is kept."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pyarrow as pa
import pytest

from housing.data.sampled_texts import SampledCells
from housing.data.text_columns import LOOKED_AT, VERY_MANY, TextCells, TextColumn

MANY = 6 * VERY_MANY


def collected(texts: list[str | None], *, whole: bool = False) -> TextColumn:
    cells = TextCells() if whole else SampledCells()
    for start in range(0, len(texts), 5_000):
        cells.take(pa.array(texts[start : start + 5_000], pa.string()))
    return cells.column()


def some_texts() -> list[str | None]:
    """Each owner three times, and every tenth cell missing in one of three ways."""
    owners = [f"owner of home {number}" for number in range(MANY)] * 3
    order = np.random.default_rng(0).permutation(len(owners)).tolist()
    missing = [None, "NA", ""]
    return [missing[row // 10 % 3] if row % 10 == 0 else owners[place] for row, place in enumerate(order)]


def test_texts_are_counted_although_a_sample_is_kept() -> None:
    texts = some_texts()
    column, whole = collected(texts), collected(texts, whole=True)
    assert len(column.texts) < 3 * LOOKED_AT < len(whole.texts)
    for name in ("rows", "present", "different", "longest"):
        assert getattr(column, name) == getattr(whole, name)
    kept, counts = column.without(["NA", ""]), Counter(texts)
    assert kept.different == whole.different - 2
    assert kept.present == sum(counts[text] for text in counts if text not in (None, "NA", ""))
    assert column.among(["NA", "-"]) == {"NA"}
    assert set(kept.texts) <= set(texts) and "NA" not in kept.texts
    first = {text: texts.index(text) for text in list(kept.texts)[:20]}
    assert {text: row for text, row, _ in kept.cells() if text in first} == first


def test_few_texts_are_kept_as_a_whole() -> None:
    texts: list[str | None] = [f"city {number}" for number in range(VERY_MANY)] * 5
    column, whole = collected(texts), collected(texts, whole=True)
    assert list(column.texts) == list(whole.texts) and (column.counts == whole.counts).all()


@pytest.mark.parametrize(("later", "is_more"), [("{},5", True), ("tenant {}", False)])
def test_what_turns_out_to_be_more_than_text_is_noticed(later: str, is_more: bool) -> None:
    texts = [f"owner {number}" for number in range(5 * VERY_MANY)]
    texts += [later.format(number) for number in range(5 * VERY_MANY)]
    cells = SampledCells()
    for start in range(0, len(texts), 5_000):
        cells.take(pa.array(texts[start : start + 5_000], pa.string()))
    assert cells.is_misjudged == is_more
