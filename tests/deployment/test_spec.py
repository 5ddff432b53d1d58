from __future__ import annotations

import math

import pytest

from housing.deployment.spec import Deployment, Variant


@pytest.mark.parametrize("name", ["", "-house", "house-", "a/b", "..", "x" * 64, "häuser", "a\n"])
def test_names_that_no_host_accepts_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match="63 letters"):
        Deployment(name, {"a": Variant("models:/m/1")})
    with pytest.raises(ValueError, match="63 letters"):
        Deployment("house", {name: Variant("models:/m/1")})


@pytest.mark.parametrize("weight", [-1, math.nan, math.inf])
def test_weights_that_cannot_be_shared_out_are_refused(weight: float) -> None:
    with pytest.raises(ValueError, match="weight must be"):
        Variant("models:/m/1", weight=weight)
