"""A PostgreSQL server of a test's own."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest

_DEBIAN = Path("/usr/lib/postgresql")
"""Where its packages keep what is not on the path."""


@contextmanager
def serving() -> Iterator[str]:
    """Its address, without a password; skips the test where there is none."""
    initdb, control = _program("initdb"), _program("pg_ctl")
    if initdb is None or control is None:
        pytest.skip("no PostgreSQL on this machine")
    pytest.importorskip("psycopg")
    with tempfile.TemporaryDirectory() as folder, socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
        free.close()
        # It refuses to run as root.
        user = "nobody" if os.geteuid() == 0 else None
        if user:
            shutil.chown(folder, user)
        data = f"{folder}/data"
        run = partial(subprocess.run, check=True, user=user, stdout=subprocess.DEVNULL, cwd="/")
        run([initdb, "-D", data, "-U", "housing", "-A", "trust", "-N"])
        options = f"-p {port} -k {folder} -c fsync=off"
        run([control, "-D", data, "-l", f"{folder}/log", "-o", options, "-w", "start"])
        try:
            yield f"postgresql://housing@127.0.0.1:{port}/postgres"
        finally:
            run([control, "-D", data, "-m", "immediate", "stop"])


def _program(name: str) -> str | None:
    newest_first = sorted(_DEBIAN.glob(f"*/bin/{name}"), reverse=True)
    return shutil.which(name) or next(map(str, newest_first), None)
