"""Runs the requested command; the only place that turns an outcome or an error into an exit code."""

from __future__ import annotations

import contextlib
import os
import shlex
import signal
import sys
import time
import traceback
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from housing import interrupted, starting
from housing.cli.arguments import Request, outdone, parse
from housing.cli.help import help_of, overview
from housing.errors import ConfigError, HousingError
from housing.processes import require_memory
from housing.secrets import masked, masked_override, remember_override

if TYPE_CHECKING:
    from types import FrameType

    from housing.console import Console

_CHANGES_PENDING = 2


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code; see housing/errors.py for those of errors."""
    interrupts = _Interrupts()
    arguments = sys.argv[1:] if argv is None else list(argv)
    for argument in arguments:
        remember_override(argument)
    try:
        try:
            code = _guarded(arguments, interrupts)
        finally:
            starting.end()
        sys.stdout.flush()
    except BrokenPipeError:
        # The reader has gone; Python's final flush of stdout must not fail.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    return code


class _Interrupts:
    """Turns SIGINT, SIGTERM and SIGHUP into KeyboardInterrupt, and remembers that one came."""

    def __init__(self) -> None:
        self.came = False
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            # `nohup`, and shells that start a background job, have it ignored: leave it so.
            if signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, self._raise)

    def _raise(self, _number: int, _frame: FrameType | None) -> None:
        self.came = True
        raise KeyboardInterrupt


def _guarded(arguments: Sequence[str], interrupts: _Interrupts) -> int:
    try:
        return _answer(parse(arguments))
    except HousingError as error:
        _console(as_json="--json" in arguments).error(error)
        return error.exit_code
    except KeyboardInterrupt:
        return _interrupted(as_json="--json" in arguments)
    except BrokenPipeError:
        raise
    except Exception as error:
        # An interrupt during an import may surface as an ImportError, or as any other exception.
        as_json = "--json" in arguments
        return _interrupted(as_json=as_json) if interrupts.came else _unexpected(error, as_json=as_json)


def _interrupted(*, as_json: bool) -> int:
    starting.end()
    # The terminal may be gone.
    with contextlib.suppress(OSError):
        if as_json:
            sys.stdout.write(interrupted.DOCUMENT)
            sys.stdout.flush()
        sys.stderr.write(interrupted.SAID)
        sys.stderr.flush()
    return interrupted.EXIT_CODE


def _answer(request: Request) -> int:
    if request.version or request.help or request.command is None or request.cfg or request.command in _ALONE:
        starting.end()
    if request.version:
        from housing import __version__

        sys.stdout.write(f"housing {__version__}\n")
        return 0
    if request.help or request.command is None:
        sys.stdout.write(help_of(request.command) if request.command else overview())
        return 0
    _tell_outdone(request.overrides)
    if request.cfg:
        return _show_configuration(request)
    if request.command in _ALONE:
        return _ALONE[request.command](request)
    return _run(request)


def _new(request: Request) -> int:
    from housing import shell
    from housing.project import new

    folder = Path(str(request.argument))
    files = new(folder, data=request.data, label=request.label, tell=_remark)
    listed = "\n".join(f"  {file.relative_to(folder)}" for file in files)
    run = shell.command("run", "--config-dir", "conf", "experiment=project")
    sys.stdout.write(f"{folder}: {len(files):,} files\n{listed}\n\nnext      cd {shlex.quote(str(folder))} && {run}\n")
    return 0


def _completion(request: Request) -> int:
    from housing.cli.completion import script

    sys.stdout.write(script(str(request.argument)))
    return 0


class _RowsRead:
    """Reports on stderr how many rows have been read, starting after a second."""

    def __init__(self) -> None:
        self._next_s: float | None = None

    def __call__(self, rows: int) -> None:
        now = time.monotonic()
        if self._next_s is None:
            self._next_s = now + 1
        if now >= self._next_s:
            self._next_s = now + (5 if sys.stderr.isatty() else 15)
            sys.stderr.write(f"housing: read {rows:,} rows\n")
            sys.stderr.flush()


def _describe(request: Request) -> int:
    from housing.config.group_schemas import installed_modeline
    from housing.data.asked_source import asked_sources
    from housing.data.describe import describe

    source = asked_sources(request.arguments, table=request.table, query=request.query)
    text = describe(
        source,
        str(request.label),
        separator=request.separator,
        sheet=request.sheet,
        task=request.task,
        tell=_remark,
        progress=_RowsRead(),
    )
    sys.stdout.write(installed_modeline("dataset") + text)
    return 0


_ALONE = {"completion": _completion, "describe": _describe, "new": _new}
"""Commands that compose no configuration."""


def _remark(text: str) -> None:
    # On stderr: the description itself is usually redirected into a file.
    sys.stderr.write(f"housing: {text}\n")


def _tell_outdone(overrides: Sequence[str]) -> None:
    for override, last in outdone(overrides):
        starting.end()
        _remark(f"{masked_override(override)} has no effect: {masked_override(last)} stands behind it")


def _show_configuration(request: Request) -> int:
    from housing.api.invocation import WITH_A_STUDY, with_own_defaults
    from housing.config import load

    if request.multirun:
        sys.stdout.write(_every_job(request))
        return 0
    search = request.command in WITH_A_STUDY
    overrides = with_own_defaults(str(request.command), request.overrides, request.config_dir)
    sys.stdout.write(load.show(overrides, request.config_dir, str(request.cfg), search=search))
    sys.stdout.flush()
    load.load(overrides, request.config_dir, search=search)
    return 0


def _every_job(request: Request) -> str:
    """The configurations of all jobs of a multirun, as YAML."""
    if request.cfg != "job":
        raise ConfigError(f"--cfg {request.cfg}: is the same for every job of a multirun; leave out -m and the values")
    from housing.config.sweep import Sweep

    return Sweep(request.overrides, request.config_dir).shown()


def _run(request: Request) -> int:
    require_memory()
    console = _console(as_json=request.json)
    if request.dry_run:
        from housing.api.planned import planned

        outcome = planned(
            str(request.command), request.overrides, request.config_dir, console, multirun=request.multirun
        )
    elif request.multirun:
        from housing.api.multirun import multirun
        from housing.console import Console

        reporter = partial(Console, as_json=request.json)
        outcome = multirun(str(request.command), request.overrides, request.config_dir, reporter)
    else:
        from housing.api.execution import execute

        own = _own_arguments(request)
        outcome = execute(str(request.command), request.overrides, request.config_dir, console, **own)
    console.show(outcome)
    if request.detailed_exitcode and (outcome.pending_changes or outcome.findings):
        return _CHANGES_PENDING
    return int(outcome.exit_code)


def _file(argument: str) -> Path | str:
    from housing.data.sources import refuse_address

    refuse_address(argument)
    return argument if "://" in argument else Path(argument)  # Path would turn s3://b into s3:/b


def _own_arguments(request: Request) -> dict[str, Any]:
    own: dict[str, Any] = {}
    match request.command:
        case "predict":
            own = {"file": _file(request.argument) if request.argument else None, "batch": request.batch}
            own |= {"interval": request.interval, "explain": request.explain, "output": request.output}
        case "iam":
            own = {"whose": request.argument} if request.argument else {}
        case "compare":
            own = {"runs": request.arguments, "html": request.html, "sets": request.sets}
            own |= {"top": request.top} if request.top is not None else {}
        case "runs":
            own = {"words": request.arguments, "filter": request.filter or "", "export": request.export}
            own |= {"delete": request.delete, "restore": request.restore}
            own |= {"top": request.top} if request.top is not None else {}
        case "ui":
            own = {"study": request.argument, "port": request.port}
        case "rehearsal":
            own = {"action": request.argument, "port": request.port}
        case "attach" | "benchmark":
            from housing.api.invocation import recomposed

            own = {"recompose": recomposed} | ({"run": request.argument} if request.command == "attach" else {})
        case "monitor":
            own = {"endpoint": request.argument, "labels": request.labels, "watching": _watching(request)}
            own |= {} if own["watching"] else {"html": request.html}
        case "status":
            own = {"endpoint": request.argument, "html": request.html}
        case "lineage":
            own = {"endpoint": request.argument}
    return own


def _watching(request: Request) -> Any:
    if request.every is None:
        return None
    from housing.workflow.watching import Watching

    return Watching(request.every, request.until, request.detailed_exitcode, request.html)


def _console(*, as_json: bool) -> Console:
    from housing.console import Console

    return Console(as_json=as_json)


def _unexpected(error: Exception, *, as_json: bool) -> int:
    starting.end()
    if os.environ.get("HOUSING_TRACEBACK"):
        sys.stderr.write(masked("".join(traceback.format_exception(error))))
    from housing.api.unexpected import told

    message, code = told(error)
    _console(as_json=as_json).failure(type(error).__name__, message, code)
    return code
