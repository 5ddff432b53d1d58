"""Lets datasets be read from the S3 of a command's target, if it has its own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any


@contextmanager
def sources_reached(place: Any) -> Iterator[None]:
    """`place` are the settings of a runner or host. A target with its own S3 has the function `s3_environment`.

    Otherwise the environment determines where S3 is.
    """
    from housing.data.s3_objects import reached_by
    from housing.targets.registry import find

    own = getattr(find(place.name), "s3_environment", None)
    if own is None:
        yield
        return
    with reached_by(partial(own, place)):
        yield
