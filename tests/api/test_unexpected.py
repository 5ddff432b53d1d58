from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from housing.api.unexpected import told


@pytest.mark.parametrize(
    ("number", "way_out"),
    [
        (errno.ENOSPC, "free some space"),
        (errno.EROFS, "a folder that can be written"),
        (errno.EACCES, "allow it"),
        (errno.EMFILE, "ulimit -n"),
    ],
)
def test_what_the_system_refuses_is_no_bug(number: int, way_out: str) -> None:
    message, code = told(OSError(number, os.strerror(number), "runs.csv"))
    assert message.startswith(f"runs.csv: {os.strerror(number)}; ")
    assert way_out in message
    assert code == 1
    assert told(OSError(number, os.strerror(number)))[0].startswith(os.strerror(number))


def test_a_name_that_is_no_text_is_told() -> None:
    with pytest.raises(UnicodeEncodeError) as raised:
        str(Path(os.fsdecode(b"H\xe4user"))).encode()
    message, code = told(raised.value)
    assert message.startswith(r"'H\udce4user': not text in UTF-8")
    assert code == 3


def test_what_nobody_expected_is_a_bug() -> None:
    for error in (
        KeyError("x"),
        OSError(errno.EINVAL, "Invalid argument"),
        UnicodeEncodeError("ascii", "ä", 0, 1, "x"),
    ):
        assert told(error)[0].startswith(f"this is a bug in housing: {type(error).__name__}")
