"""One instance of a variant: a process with one model, which answers one request after another.

`python -m housing.targets.local.worker FD` is the fork server. It imports what models need once, and forks a worker
for each byte that arrives on its socket, with the worker's own connection as a file descriptor. A new instance thus
costs a fork and the loading of one model, and shares the libraries' memory with the others.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import os
import signal
import socket
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from housing import files
from housing.algorithms.registry import find, shipped
from housing.errors import HousingError
from housing.memory import keep_what_is_freed
from housing.targets.local.answering import SideBySide, reason
from housing.targets.local.frames import HEADER, WITH_EXTRAS, Answer, Ask, pack

if TYPE_CHECKING:
    from housing.training.predictor import Predictor

_MOST_THREADS = 4


def serve_forks(control: socket.socket) -> None:
    """Fork workers until the server closes its end, as it does by dying."""
    keep_what_is_freed()
    _import_libraries()
    import housing.training.predictor  # noqa: F401

    # The kernel reaps workers that have ended; the server notices by their connections.
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    # Pages that the garbage collector never touches stay shared with the workers.
    gc.freeze()
    while True:
        byte, descriptors, _, _ = socket.recv_fds(control, 1, 1)
        if not byte:
            return
        if os.fork() == 0:
            control.close()
            with socket.socket(fileno=descriptors[0]) as connection:
                work(connection)
            return
        os.close(descriptors[0])


def _import_libraries() -> None:
    """Import what models need that use only housing's own requirements; workers with others import their libraries."""
    # A None in sys.modules makes an import fail at once. Libraries then skip their wrappers for these two, which no
    # worker needs, and load in half a second rather than two. A script's model may need the two itself.
    sys.modules["sklearn"] = None  # type: ignore[assignment]
    sys.modules["pandas"] = None  # type: ignore[assignment]
    for name in shipped():
        algorithm = find(name)
        if algorithm.library is not None and algorithm.extra is None and algorithm.missing_library() is None:
            importlib.import_module(algorithm.library)
    del sys.modules["sklearn"], sys.modules["pandas"]


def work(connection: socket.socket) -> None:
    """Load the model that the server names, then answer until it closes the connection."""
    with contextlib.suppress(EOFError, ConnectionError):
        _, folder = _receive(connection)
        predictor = _load(connection, Path(os.fsdecode(folder)))
        answering = SideBySide(predictor, threads=min(os.cpu_count() or 1, _MOST_THREADS)) if predictor else None
        while answering:
            kind, body = _receive(connection)
            extras, _, rest = body.partition(b"\n") if kind & WITH_EXTRAS else (b"", b"", body)
            if kind == Ask.COMPILE:
                answered = _compile(Path(os.fsdecode(folder)), Path(os.fsdecode(body)))
            else:
                answered = answering.answer(Ask(kind & ~WITH_EXTRAS), rest, extras.decode())
            connection.sendall(pack(*answered))


def _load(connection: socket.socket, folder: Path) -> Predictor | None:
    from housing.training.predictor import Predictor

    try:
        predictor = Predictor.load(folder)
    # A broken model may fail in any way; the server needs the reason, to refuse the model with it.
    except Exception as error:
        connection.sendall(pack(Answer.FAILED, reason(error)))
        return None
    connection.sendall(pack(Answer.READY, str(os.getpid()).encode()))
    return predictor


def _compile(folder: Path, file: Path) -> tuple[Answer, bytes]:
    """Compile the model's trees to tables in `file`, for a server that answers a few rows by itself."""
    from housing.algorithms.compiled import to_bytes
    from housing.training.compiled import compiled

    try:
        files.write(file, to_bytes(compiled(folder)), mode=0o600)
    except HousingError as error:
        return Answer.REFUSED, reason(error)
    # The model can also answer without tables.
    except Exception as error:
        return Answer.FAILED, reason(error)
    return Answer.PREDICTED, b""


def _receive(connection: socket.socket) -> tuple[int, bytes]:
    kind, length = HEADER.unpack(_exactly(connection, HEADER.size))
    return kind, _exactly(connection, length)


def _exactly(connection: socket.socket, size: int) -> bytes:
    buffer = bytearray(size)
    view, filled = memoryview(buffer), 0
    while filled < size:
        received = connection.recv_into(view[filled:])
        if not received:
            raise EOFError
        filled += received
    return bytes(buffer)


if __name__ == "__main__":
    serve_forks(socket.socket(fileno=int(sys.argv[1])))
