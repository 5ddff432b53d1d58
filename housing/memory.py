"""What the C library does with memory that is freed."""

from __future__ import annotations

import ctypes
from contextlib import suppress

# As glibc's <malloc.h> names them.
_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
_KEPT_BYTES = 32 * 1024**2


def keep_what_is_freed() -> None:
    """Use memory again, up to some megabytes, rather than give it back to the system.

    The system empties each page that it gives out. Who answers one large request after another spends a sixth of
    its time on that. Does nothing where the C library is another.
    """
    with suppress(OSError, AttributeError, TypeError):
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(_MMAP_THRESHOLD, _KEPT_BYTES)
        mallopt(_TRIM_THRESHOLD, _KEPT_BYTES)
