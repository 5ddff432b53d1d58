from __future__ import annotations

import pytest

from housing.nearest import nearest


@pytest.mark.parametrize(
    ("typed", "options", "meant"),
    [
        ("maxdepth", ["max_depth", "max_bin"], "max_depth"),
        ("Max-Depth", ["max_depth", "max_bin"], "max_depth"),
        ("trails", ["trials", "parallel"], "trials"),
        ("AREA", ["area", "rooms"], "area"),
        ("quite another", ["area", "rooms"], None),
        ("banana", ["trials", "parallel"], None),
        ("x", ["y"], None),
        ("trials", ["trials"], None),
        ("trials", [], None),
    ],
)
def test_nearest(typed: str, options: list[str], meant: str | None) -> None:
    assert nearest(typed, options) == meant
