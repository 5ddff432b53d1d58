from __future__ import annotations

import pytest

from housing.data.content_type import form_of


@pytest.mark.parametrize(
    ("content_type", "form"),
    [
        ("text/csv", "text/csv"),
        ("Text/CSV; header=present", "text/csv"),
        ('text/csv; header=absent; charset="UTF-8"', "text/csv"),
        ("application/json;charset=utf8", "application/json"),
        ("application/jsonlines; charset=us-ascii", "application/jsonlines"),
        ("application/json; charset=latin-1", None),
        ("application/json; charset=nonsense", None),
        ("application/json, text/csv", None),
        ("application/jsonp", None),
        ("json", None),
        ("", None),
        (";;=;", None),
    ],
)
def test_parameters_change_nothing_but_another_charset_is_refused(content_type: str, form: str | None) -> None:
    assert form_of(content_type) == form
