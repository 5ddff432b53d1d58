"""Which forms of rows a request may have, by its Content-Type; imports nothing heavy, for the server reads it too."""

from __future__ import annotations

import codecs
from email.message import Message

CSV, JSON, JSON_LINES = "text/csv", "application/json", "application/jsonlines"
FORMS = (CSV, JSON, JSON_LINES)


def form_of(content_type: str) -> str | None:
    """One of FORMS; None for a type that is none of them, or for one that says it is not in UTF-8.

    Other parameters, such as `header=present`, change nothing: the rows show whether they have a header.
    """
    # What does not parse as a type would become text/plain, as RFC 2045 has it, which is none of ours either.
    message = Message()
    message["Content-Type"] = content_type
    form = message.get_content_type()
    return form if form in FORMS and _is_utf8(message.get_content_charset("utf-8")) else None


def _is_utf8(charset: str) -> bool:
    try:
        return codecs.lookup(charset).name in ("utf-8", "ascii", "utf-8-sig")
    except LookupError:
        return False
