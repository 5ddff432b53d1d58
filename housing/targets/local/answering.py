"""What a predictor says to the body of a request, whichever process asks it."""

from __future__ import annotations

from housing.data.answers import write
from housing.data.content_type import JSON
from housing.data.extras import asked_beside_rows
from housing.errors import DataError, HousingError
from housing.targets.local.frames import Answer, Ask
from housing.training.predictor import Predictor

_REASON_CHARACTERS = 2000


def answer(predictor: Predictor, kind: Ask, body: bytes, extras: str = "") -> tuple[Answer, bytes]:
    """`extras` are parameters that ask for more than predictions.

    Never raises: whatever a request provokes is this request's failure, not the end of who answers it.
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


def reason(error: Exception) -> bytes:
    """For a client, of bounded length."""
    text = str(error) if isinstance(error, HousingError) else f"{type(error).__name__}: {error}"
    return text[:_REASON_CHARACTERS].encode(errors="replace")
