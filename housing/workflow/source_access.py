"""From where objects in S3 are read: from that of the place a command works with, where it has one of its own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any


@contextmanager
def sources_reached(place: Any) -> Iterator[None]:
    """`place` are the settings of a runner or host. A target with an S3 of its own says so by `s3_environment`.

    The environment says where S3 is otherwise.
    """
    from housing.data.s3_objects import reached_by
    from housing.targets.registry import find

    own = getattr(find(place.name), "s3_environment", None)
    if own is None:
        yield
        return
    with reached_by(partial(own, place)):
        yield
