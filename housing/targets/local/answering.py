"""A predictor's answer to the body of a request, in whichever process."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from housing.data.answers import write
from housing.data.content_type import JSON
from housing.data.extras import asked_beside_rows
from housing.data.plain_rows import tells_encoded
from housing.errors import DataError, HousingError
from housing.targets.local.cutting import joined, parts_of
from housing.targets.local.frames import Answer, Ask
from housing.training.predictor import Predictor

_REASON_CHARACTERS = 2000
# What is done once for each part, whatever its size, takes as long as a thousand cells.
_LEAST_PART_BYTES = 128 * 1024


def answer(predictor: Predictor, kind: Ask, body: bytes, extras: str = "") -> tuple[Answer, bytes]:
    """Answer one request; `extras` are parameters that request more than predictions.

    Never raises: whatever a request provokes must fail this request, not the process.
    """
    try:
        asked_in, answered_in = kind.content_types
        if not extras and asked_in == JSON:
            extras = asked_beside_rows(body)
        if extras:
            return Answer.PREDICTED, predictor.detailed_body(body, asked_in, extras).write(answered_in).encode()
        text = write(predictor.predict_body(body, asked_in), predictor.encoder.label_levels, answered_in)
    except DataError as error:
        return Answer.REFUSED, reason(error)
    except Exception as error:
        return Answer.FAILED, reason(error)
    return Answer.PREDICTED, text.encode()


class SideBySide:
    """Answers a large body part by part in threads: what takes its time in it lets them run at once."""

    def __init__(self, predictor: Predictor, threads: int) -> None:
        self._predictor, self._threads = predictor, threads
        self._pool = ThreadPoolExecutor(threads)
        self._tells_encoded = tells_encoded(predictor.encoder)

    def answer(self, kind: Ask, body: bytes, extras: str = "") -> tuple[Answer, bytes]:
        """See `answer`."""
        parts = [] if extras else self._parts(kind, body)
        if len(parts) > 1:
            answered, found = zip(*self._pool.map(lambda part: answer(self._predictor, kind, part), parts), strict=True)
            if set(answered) == {Answer.PREDICTED}:
                return Answer.PREDICTED, joined(found, kind)
        # Why a part is refused names the rows of the whole.
        return answer(self._predictor, kind, body, extras)

    def _parts(self, kind: Ask, body: bytes) -> Sequence[bytes]:
        count = min(self._threads, len(body) // _LEAST_PART_BYTES)
        if count < 2:
            return []
        # The last one is not to be the rest of a line.
        return parts_of(kind, body, part_bytes=-(-len(body) // count), tells_encoded=self._tells_encoded)


def reason(error: Exception) -> bytes:
    """The error as a message to the client, of bounded length."""
    text = str(error) if isinstance(error, HousingError) else f"{type(error).__name__}: {error}"
    return text[:_REASON_CHARACTERS].encode(errors="replace")
