"""`python -m housing.rehearsal start|status|reset|stop`: the rehearsal by itself, for any client of AWS."""

from __future__ import annotations

import argparse
import json
import shlex
import sys
from dataclasses import asdict

from housing.rehearsal import process
from housing.rehearsal.errors import RehearsalError
from housing.rehearsal.settings import Settings


def main(arguments: list[str] | None = None) -> int:
    """The exit code. 0: done; 1: it does not start or answer, or none is running; 2: invalid arguments."""
    parser = argparse.ArgumentParser(prog="python -m housing.rehearsal", description=__doc__)
    parser.add_argument("action", choices=("start", "status", "reset", "stop"))
    parser.add_argument("--folder", default=Settings.folder, help="where its state is kept (%(default)s)")
    parser.add_argument("--port", type=int, default=Settings.port, help="0: any free one")
    parser.add_argument("--region", default=Settings.region, help="%(default)s")
    given = parser.parse_args(arguments)
    try:
        settings = Settings(given.folder, given.port, given.region)
        return {"start": _start, "status": _status, "reset": _reset, "stop": _stop}[given.action](settings)
    except (RehearsalError, ValueError) as error:
        print(f"housing.rehearsal: {error}", file=sys.stderr)  # noqa: T201
        return 1


def _start(settings: Settings) -> int:
    """Start it, and print the variables that a shell must export for clients to reach it."""
    for name, value in process.environment_of(process.ensure(settings, stays=True), settings.folder).items():
        print(f"export {name}={shlex.quote(value)}")  # noqa: T201
    return 0


def _status(settings: Settings) -> int:
    state = process.look(settings.folder)
    print(json.dumps(asdict(state) if state else None))  # noqa: T201
    return 0 if state else 1


def _reset(settings: Settings) -> int:
    """Delete everything in it; its address and keys stay."""
    return 0 if process.reset(settings) else 1


def _stop(settings: Settings) -> int:
    return 0 if process.stop(settings.folder) else 1


if __name__ == "__main__":
    sys.exit(main())
