"""What serves one variant of an endpoint, with its counts."""

from __future__ import annotations

import asyncio
import logging
import math
import time
from dataclasses import dataclass, field
from pathlib import Path

from housing.data.encoder import Encoder
from housing.data.plain_rows import tells_encoded
from housing.errors import HousingError
from housing.targets.local.fleet import Fleet
from housing.targets.local.frames import WITH_EXTRAS, Answer, Ask
from housing.targets.local.immediate import Immediate, prepared
from housing.targets.local.large_requests import ask_in_parts
from housing.targets.local.request_counts import RequestCounts
from housing.training.bundle_files import ENCODER_FILE

_log = logging.getLogger(__name__)


@dataclass
class Served:
    """`traffic` and the times of scaling are kept when its model changes."""

    digest: str
    fleet: Fleet
    immediate: Immediate | str
    """What answers a few rows in this process; or why instances answer everything."""
    tells_encoded: bool = False
    traffic: RequestCounts = field(default_factory=RequestCounts)
    scaled_at: float = -math.inf
    scaled_out_at: float = -math.inf

    @classmethod
    async def start(cls, digest: str, fleet: Fleet, *, bundle: Path, compiled: Path) -> Served:
        """Serve with a fleet that answers; `compiled` is the file with its model's tables."""
        immediate = await prepared(fleet, bundle, compiled)
        if isinstance(immediate, str):
            _log.info("%s: the instances answer all requests: %s", digest[:12], immediate)
        return cls(digest, fleet, immediate, await asyncio.to_thread(_tells_encoded, bundle))

    def answer_at_once(self, kind: Ask, body: bytes) -> bytes | None:
        """The answer of `ask`, if there are few rows and this process can answer them at once; else None."""
        if isinstance(self.immediate, str):
            return None
        started = time.perf_counter()
        result = self.immediate.answer(kind, body)
        if result is not None:
            self.traffic.record(time.perf_counter() - started, failed=False)
        return result

    async def ask(self, kind: Ask, body: bytes, extras: str) -> tuple[int, bytes]:
        """An Answer and its body. Raises as `Fleet.ask` does."""
        started = time.perf_counter()
        answer: int = Answer.FAILED
        try:
            if extras:
                answer, result = await self.fleet.ask(kind | WITH_EXTRAS, b"%b\n%b" % (extras.encode(), body))
            else:
                answer, result = await ask_in_parts(self.fleet, kind, body, tells_encoded=self.tells_encoded)
        finally:
            took_s, refused = time.perf_counter() - started, answer == Answer.REFUSED
            self.traffic.record(took_s, failed=answer != Answer.PREDICTED, refused=refused)
        return answer, result


def _tells_encoded(bundle: Path) -> bool:
    try:
        return tells_encoded(Encoder.from_json((bundle / ENCODER_FILE).read_text(encoding="utf-8")))
    except (OSError, HousingError):
        return False
