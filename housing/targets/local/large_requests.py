"""A large request, cut into parts that an instance answers one by one, so that small ones need not wait for all of it.

Where a part is refused, the request is asked once more as a whole: the reason names its rows.
"""

from __future__ import annotations

import asyncio

from housing.targets.local.cutting import joined, parts_of
from housing.targets.local.fleet import Fleet
from housing.targets.local.frames import Answer, Ask

PART_BYTES = 2048 * 1024
"""An instance takes some ten milliseconds, and what is done once for each part counts for little."""


async def ask_in_parts(fleet: Fleet, kind: Ask, body: bytes, *, tells_encoded: bool) -> tuple[int, bytes]:
    """What `Fleet.ask` answers. `tells_encoded`: see `parts_of`."""
    count = -(-len(body) // PART_BYTES)
    part_bytes = -(-len(body) // max(1, count))
    parts = parts_of(kind, body, part_bytes=part_bytes, tells_encoded=tells_encoded) if count > 1 else []
    if len(parts) < 2:
        return await fleet.ask(kind, body)
    answers: dict[int, bytes] = {}
    left = iter(enumerate(parts))

    async def ask_for_one_after_another() -> None:
        for number, part in left:
            answer, answers[number] = await fleet.ask(kind, part)
            if answer != Answer.PREDICTED:
                raise _NotPredicted

    # Each instance has one part at a time; who asks meanwhile comes before the next. Nothing is cancelled: that would
    # end an instance.
    lanes = (ask_for_one_after_another() for _ in range(max(1, min(fleet.live, len(parts)))))
    for fault in await asyncio.gather(*lanes, return_exceptions=True):
        if isinstance(fault, _NotPredicted):
            return await fleet.ask(kind, body)
        if fault is not None:
            raise fault
    return Answer.PREDICTED, joined([answers[number] for number in range(len(parts))], kind)


class _NotPredicted(Exception):
    """A part was refused, or failed."""
