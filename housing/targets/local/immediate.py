"""A variant's model in the server itself: a few rows are answered where they arrive, without another process.

Only for models whose trees were compiled to tables, and verified: tables need only numpy, cannot hang, and their cost
follows from their size. The instances answer everything else.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from pathlib import Path

from housing.algorithms import stored_forms
from housing.algorithms.compiled import Compiled
from housing.data.encoder import Encoder
from housing.errors import HousingError
from housing.targets.local.answering import answer
from housing.targets.local.fleet import Fleet
from housing.targets.local.frames import Answer, Ask
from housing.training.bundle_files import ENCODER_FILE
from housing.training.predictor import Predictor

MOST_BYTES = 32 * 1024
# About a millisecond, in which nothing else is answered.
_MOST_STEPS = 50_000
_BEGIN_A_ROW = {"text/csv": b"\n", "application/json": b"{[", "application/jsonlines": b"{"}


class Immediate:
    """Answers `Ask`s of a few rows, for one thread."""

    def __init__(self, encoder: Encoder, tables: Compiled) -> None:
        self._predictor = Predictor(tables, encoder)
        self._most_rows = _MOST_STEPS // tables.steps

    def answer(self, kind: Ask, body: bytes) -> bytes | None:
        """None where an instance must answer: for more rows, and to say why rows are refused."""
        if sum(body.count(one) for one in _BEGIN_A_ROW[kind.content_types[0]]) > self._most_rows + 1:
            return None
        answered, found = answer(self._predictor, kind, body)
        return found if answered == Answer.PREDICTED else None


async def prepared(fleet: Fleet, bundle: Path, tables: Path) -> Immediate | str:
    """Read from the file `tables`, which an instance makes if it is missing; or the reason why there can be none."""
    try:
        if tables.exists():
            with contextlib.suppress(OSError, ValueError):
                return await asyncio.to_thread(read, bundle, tables)
        answered, reason = await fleet.ask(Ask.COMPILE, os.fsencode(tables))
        if answered != Answer.PREDICTED:
            return reason.decode(errors="replace")
        return await asyncio.to_thread(read, bundle, tables)
    except (OSError, ValueError, HousingError) as error:
        return str(error)


def read(bundle: Path, tables: Path) -> Immediate | str:
    found = stored_forms.from_bytes(tables.read_bytes())
    if found.steps > _MOST_STEPS:
        return f"a row takes {found.steps} steps, more than {_MOST_STEPS}"
    return Immediate(Encoder.from_json((bundle / ENCODER_FILE).read_text(encoding="utf-8")), found)
