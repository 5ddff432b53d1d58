"""What is said of a file of labels that cannot be matched with answers."""

from __future__ import annotations

from housing.config.load import load
from housing.workflow.actual_labels import _way_out


def test_a_dataset_without_an_identifier_is_told_how_to_have_one() -> None:
    assert _way_out(load(["dataset=ames"]).dataset).endswith("identifiers: Order, PID, KaggleId")
    assert "the line `id: {kind: identifier}`" in _way_out(load(["dataset=penguins"]).dataset)
