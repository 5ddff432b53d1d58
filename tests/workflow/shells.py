"""Shells whose `housing` and `mlflow` are forked from a process that has imported everything: the same, and sooner.

That a command starts by itself is what tests/cli and tests/test_packages.py show.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import socket
import sys
import threading
from collections.abc import Iterator
from multiprocessing.reduction import recvfds
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.workflow.processes import SERVER, ensure_server

# Stands where a console script stands, and hands on all that a process is given by a shell.
_SCRIPT = """\
#!{python} -IS
import array, json, os, socket, sys
with socket.socket(socket.AF_UNIX) as commands:
    commands.connect({address!r})
    commands.sendmsg([bytes([3])], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [0, 1, 2]))])
    given = {{"arguments": sys.argv, "folder": os.getcwd(), "environment": dict(os.environ)}}
    commands.sendall(json.dumps(given).encode() + b"\\n")
    sys.exit(int(commands.recv(8) or 255))
"""


@contextlib.contextmanager
def shell_path() -> Iterator[str]:
    """A PATH on which these come first, and the other programs of the environment next."""
    ensure_server()
    with TemporaryDirectory(prefix="housing-") as made, socket.socket(socket.AF_UNIX) as listening:
        address = str(Path(made, "socket"))
        for script in (Path(made, "housing"), Path(made, "mlflow")):
            script.write_text(_SCRIPT.format(python=sys.executable, address=address), encoding="utf-8")
            script.chmod(0o700)
        listening.bind(address)
        listening.listen()
        accepting = threading.Thread(target=_accept, args=(listening,), daemon=True)
        accepting.start()
        yield os.pathsep.join([made, str(Path(sys.executable).parent), os.environ["PATH"]])
        listening.shutdown(socket.SHUT_RDWR)
        accepting.join()


def _accept(listening: socket.socket) -> None:
    with contextlib.suppress(OSError):  # raised when it is shut down
        while True:
            connection, _ = listening.accept()
            threading.Thread(target=_run, args=(connection,), daemon=True).start()


def _run(connection: socket.socket) -> None:
    with connection:
        process = SERVER.Process(target=_command, args=(connection,))
        process.start()
        process.join()
        connection.sendall(str(process.exitcode).encode())


def _command(connection: socket.socket) -> None:
    from mlflow.cli import cli as mlflow

    import housing as package
    from housing.__main__ import main as housing

    with connection:
        streams = recvfds(connection, 3)
        given = json.loads(connection.makefile(encoding="utf-8").readline())
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    os.chdir(given["folder"])
    os.environ.clear()  # what is there is of when the process began that this one is forked from
    os.environ.update(given["environment"])
    checkout = Path(os.environ.get("PYTHONPATH", "").split(os.pathsep)[0], "housing", "__init__.py")
    if checkout.is_file():
        package.__file__ = str(checkout)  # as if it were imported from there: its conf/ is read
    sys.argv = given["arguments"]
    sys.stdin = open(0, encoding="utf-8")  # noqa: SIM115
    logging.getLogger("mlflow").setLevel(os.environ.get("MLFLOW_LOGGING_LEVEL", "INFO"))  # as when it is imported
    sys.exit({"housing": housing, "mlflow": mlflow}[Path(sys.argv[0]).name]())
