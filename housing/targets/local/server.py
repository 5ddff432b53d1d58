"""The server process.

`python -m housing.targets.local.server FOLDER [--port N] [--processes N] [--idle-seconds N]`

It prints one line of JSON, `{"port": ...}` once it answers or `{"error": ...}`, continues in the background, and
ends when its last endpoint is deleted, or when none is deployed for a while. Imports neither pandas nor MLflow: it
answers a few rows with numpy alone, and passes all other requests on to workers.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import logging
import os
import resource
import secrets
import socket
import sys
from logging.handlers import RotatingFileHandler
from pathlib import Path

import uvicorn
import uvloop

from housing.errors import DeploymentError
from housing.targets.local import app
from housing.targets.local.accepting import AcceptingHttp, adopting
from housing.targets.local.endpoints import Endpoints
from housing.targets.local.http import MAX_CONNECTIONS
from housing.targets.local.state import Address, StateFolder

_LOG_BYTES = 1_000_000
_FILES = 4 * MAX_CONNECTIONS
# The last server of this folder may still be finishing its requests.
_PREDECESSOR_ENDS_WITHIN_S = 10.0
_LOOKS_EVERY_S = 0.25

_log = logging.getLogger(__name__)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--idle-seconds", type=float, default=30.0)
    arguments = parser.parse_args()
    # Forked twice, it is not a child of the command, which neither waits for it nor ends it.
    if os.fork():
        return
    os.setsid()
    if os.fork():
        os._exit(0)
    folder = StateFolder(arguments.folder)
    try:
        folder.create()
        with folder.locked("server", wait_s=_PREDECESSOR_ENDS_WITHIN_S, purpose="the server cannot start"):
            _log_to(folder.log)
            _allow_files()
            folder.sweep()
            listener = _listen(arguments.port, folder.address())
            with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                runner.run(_serve(folder, listener, arguments.idle_seconds, arguments.processes))
    except DeploymentError as error:
        _report({"error": str(error)})
    except Exception:
        _log.exception("the server failed")
        raise


async def _serve(folder: StateFolder, listener: socket.socket, idle_s: float, processes: int) -> None:
    endpoints = Endpoints(folder)
    await endpoints.restore()
    token = secrets.token_hex(32)
    server = uvicorn.Server(
        uvicorn.Config(
            app.build(endpoints, token),
            http=AcceptingHttp,
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_keep_alive=75,
            timeout_graceful_shutdown=70,
        )
    )
    port = listener.getsockname()[1]
    address = Address(os.getpid(), port, token)
    folder.write_address(address)
    # The socket listened before the address was written: clients that connect now wait only for the next line.
    _report({"port": port})
    endpoints.responders.adopt = adopting(server)
    tasks = [
        asyncio.create_task(endpoints.responders.resize(processes - 1)),
        asyncio.create_task(endpoints.collect_for_ever()),
        asyncio.create_task(endpoints.scale_for_ever()),
        asyncio.create_task(_end_when_unused(endpoints, server, idle_s)),
        asyncio.create_task(_stay_known(folder, address, server)),
    ]
    _log.info("process %d serves %s on port %d", os.getpid(), ", ".join(endpoints.names()) or "nothing yet", port)
    try:
        await server.serve(sockets=[listener])
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await endpoints.close()
        _log.info("process %d ends", os.getpid())


async def _end_when_unused(endpoints: Endpoints, server: uvicorn.Server, idle_s: float) -> None:
    loop = asyncio.get_running_loop()
    give_up = loop.time() + idle_s
    while not endpoints.closing:
        await asyncio.sleep(0.1)
        if loop.time() > give_up and not endpoints.names():
            await endpoints.end_if_unused()
    # They hand back requests that have begun.
    await endpoints.responders.close()
    server.should_exit = True


async def _stay_known(folder: StateFolder, address: Address, server: uvicorn.Server) -> None:
    """Commands find the server only by its address: rewrite a damaged file, end if the folder was replaced."""
    ours = folder.identity()
    while not server.should_exit:
        await asyncio.sleep(_LOOKS_EVERY_S)
        if folder.identity() != ours:
            _log.warning("the folder %s is gone; this server can no longer be found", folder.path)
            server.should_exit = True
        elif folder.address() != address:
            _log.warning("the address in %s was not ours; it is written again", folder.path)
            with contextlib.suppress(DeploymentError):
                folder.write_address(address)


def _listen(port: int, last: Address | None) -> socket.socket:
    """Listen on loopback: on the given port, or else the last server's, or else any."""
    if port:
        try:
            return _bound(port)
        except OSError as error:
            raise DeploymentError(
                f"host.port: {port} is not free on 127.0.0.1 ({error.strerror}); "
                "choose another, or 0 to let the system choose"
            ) from error
    if last:
        with contextlib.suppress(OSError):
            return _bound(last.port)
    return _bound(0)


def _bound(port: int) -> socket.socket:
    # asyncio turns off Nagle's algorithm only for sockets made with IPPROTO_TCP; with it every answer takes 40 ms.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        # Connections of a killed server linger for a minute; they must not block its port.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", port))
        listener.listen(1024)
    except OSError:
        listener.close()
        raise
    return listener


def _report(value: dict[str, object]) -> None:
    """Write to the command, which waits for the end of our output; it may be gone."""
    with contextlib.suppress(BrokenPipeError):
        os.write(sys.stdout.fileno(), json.dumps(value).encode() + b"\n")
    nowhere = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nowhere, stream)
    os.close(nowhere)


def _allow_files() -> None:
    """Raise the limit of open files as far as the system allows: the default is often 1024, as many as connections."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _FILES if hard == resource.RLIM_INFINITY else min(_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _log_to(path: Path) -> None:
    handler = RotatingFileHandler(path, maxBytes=_LOG_BYTES, backupCount=1, encoding="utf-8")
    logging.basicConfig(
        level=logging.INFO, handlers=[handler], format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
    logging.getLogger("uvicorn").setLevel(logging.WARNING)


if __name__ == "__main__":
    main()
