"""The forms of rows in a request, by Content-Type. Imports nothing heavy, since the server imports it, too."""

from __future__ import annotations

import codecs
from email.message import Message

CSV, JSON, JSON_LINES = "text/csv", "application/json", "application/jsonlines"
FORMS = (CSV, JSON, JSON_LINES)


def form_of(content_type: str) -> str | None:
    """One of FORMS; None for any other type, or for a charset other than UTF-8.

    Other parameters, such as `header=present`, are ignored: the rows show whether they have a header.
    """
    # What does not parse becomes text/plain (RFC 2045), which is none of ours either.
    message = Message()
    message["Content-Type"] = content_type
    form = message.get_content_type()
    return form if form in FORMS and _is_utf8(message.get_content_charset("utf-8")) else None


def _is_utf8(charset: str) -> bool:
    try:
        return codecs.lookup(charset).name in ("utf-8", "ascii", "utf-8-sig")
    except LookupError:
        return False
