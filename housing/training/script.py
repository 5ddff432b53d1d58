"""Runs a user's training script as a process, in the same environment as on SageMaker.

The process has its own folder like /opt/ml: `input/data/<channel>/<any>.csv` (label first, no header),
`input/config`, `code` (its working folder), `model` and `output`. It reads hyperparameters as arguments, from SM_HPS
and from SM_HP_<NAME>, prints its metrics, and writes its model into SM_MODEL_DIR.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from housing import archives
from housing.algorithms.own_code import Program
from housing.algorithms.script import MODEL_FORMAT, model_archive
from housing.errors import TrainingError
from housing.processes import Dependent
from housing.training.job import Progress, TrainingJob, TrainingResult
from housing.training.printed import PrintedMetrics
from housing.training.requirements import unmet_requirements

LABEL_TRANSFORM, TASK, LEVELS = "HOUSING_LABEL_TRANSFORM", "HOUSING_TASK", "HOUSING_LEVELS"
"""What a script cannot learn from its channels: for example that the label column has the label's logarithm (its
metrics are in the label's own unit), the task, and how many levels the label has, 0 for a number."""

_GRACE_S = 10.0
_TOLD_LINES = 12


def run(
    job: TrainingJob,
    program: Program,
    files: Mapping[str, Path],
    *,
    threads: int = 1,
    progress: Progress | None = None,
    ending: threading.Event | None = None,
    grace_s: float = _GRACE_S,
) -> TrainingResult:
    """Run the job's script on CSV `files`, by channel. Raises TrainingError that names the job and says why.

    If `progress` returns True, or `ending` is set, the script gets SIGTERM, then `grace_s` seconds to save its model.
    """
    started_at_ms, started = time.time_ns() // 1_000_000, time.perf_counter()
    with TemporaryDirectory(prefix="housing-job-") as temporary:
        tree = _Tree(Path(temporary))
        tree.lay_out(job, program, files)
        if unmet := unmet_requirements(tree.code, program):
            raise TrainingError(
                f"{job.name}: {program.entry_point} needs {', '.join(unmet)} ({program.requirements}), which is not "
                "installed here; install it with pip"
            )
        printed = PrintedMetrics(program.metrics, files)
        process = _Process(job, program, tree, threads=threads, grace_s=grace_s)
        with process.running(ending):
            for line in process.lines():
                for number, metrics in _found(job, printed, line):
                    if progress is not None and not process.stopped and progress(number, metrics):
                        process.stop()
        for number, metrics in printed.end():
            if progress is not None:
                progress(number, metrics)
        process.check()
        has_model = any(path.is_file() for path in tree.model.rglob("*"))
        if not process.stopped:
            _check_results(job, program, printed, has_model=has_model)
        return TrainingResult(
            history=printed.history,
            metrics=printed.last,
            best_round=max((len(values) for values in printed.history.values()), default=1) - 1,
            model=model_archive(tree.model, program) if has_model else b"",
            model_format=MODEL_FORMAT,
            seconds=time.perf_counter() - started,
            started_at_ms=started_at_ms,
            stopped=process.stopped,
        )


@dataclass(frozen=True)
class _Tree:
    """A folder like /opt/ml."""

    root: Path

    @property
    def code(self) -> Path:
        return self.root / "code"

    @property
    def model(self) -> Path:
        return self.root / "model"

    @property
    def output(self) -> Path:
        return self.root / "output"

    @property
    def config(self) -> Path:
        return self.root / "input" / "config"

    def channel(self, name: str) -> Path:
        return self.root / "input" / "data" / name

    def lay_out(self, job: TrainingJob, program: Program, files: Mapping[str, Path]) -> None:
        for folder in (self.code, self.model, self.output / "data", self.config):
            folder.mkdir(parents=True)
        archives.unpack(program.archive, self.code)
        for name, file in files.items():
            self.channel(name).mkdir(parents=True)
            (self.channel(name) / file.name).symlink_to(file.resolve())
        texts = {name: json.dumps(value) for name, value in job.hyperparameters.items()}
        (self.config / "hyperparameters.json").write_text(json.dumps(texts), encoding="utf-8")


class _Process:
    """The running script; all it starts belongs to its process group, which ends with it, and with this process."""

    def __init__(self, job: TrainingJob, program: Program, tree: _Tree, *, threads: int, grace_s: float) -> None:
        self._job, self._program, self._tree, self._grace_s = job, program, tree, grace_s
        self._tail: deque[str] = deque(maxlen=_TOLD_LINES)
        self._timed_out = False
        self.stopped = False
        arguments = _arguments(job.hyperparameters)
        try:
            self._dependent = Dependent(
                [sys.executable, program.entry_point, *arguments],
                cwd=tree.code,
                env=_environment(job, program, tree, threads=threads, arguments=arguments),
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                encoding="utf-8",
                errors="replace",
            )
        except OSError as e:
            raise TrainingError(f"{job.name}: {program.entry_point} cannot be started: {e}") from e
        self._process = self._dependent.process

    @contextmanager
    def running(self, ending: threading.Event | None) -> Iterator[None]:
        """Watches the time limit and `ending` while the block reads its lines; afterwards no process of it runs."""
        ended = threading.Event()
        watch = threading.Thread(target=self._watch, args=(ended, ending), name=f"{self._job.name} watch", daemon=True)
        watch.start()
        try:
            yield
        finally:
            ended.set()
            watch.join()
            self._dependent.close()
            assert self._process.stdout is not None
            self._process.stdout.close()

    def lines(self) -> Iterator[str]:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._tail.append(line.rstrip())
            yield line
        self._process.wait()

    def stop(self) -> None:
        """Ask it to end; `running` kills it if it does not."""
        if not self.stopped and self._process.poll() is None:
            self.stopped = True
            self._process.send_signal(signal.SIGTERM)

    def check(self) -> None:
        """Raises TrainingError if it failed or was killed."""
        name, entry_point = self._job.name, self._program.entry_point
        if self._timed_out:
            raise TrainingError(
                f"{name}: {entry_point} did not end within {self._program.timeout_s:g} s "
                f"(algorithm.script.timeout_s); {self._told()}"
            )
        code = self._process.returncode
        if code == 0 or self.stopped:
            return
        how = f"exit code {code}" if code > 0 else f"signal {signal.Signals(-code).name}"
        failure = self._tree.output / "failure"
        why = failure.read_text(encoding="utf-8", errors="replace").strip() if failure.is_file() else ""
        raise TrainingError(f"{name}: {entry_point} failed with {how}; {why or self._told()}")

    def _watch(self, ended: threading.Event, ending: threading.Event | None) -> None:
        began, stopped_at = time.monotonic(), None
        limit = self._program.timeout_s
        while not ended.wait(0.1):
            now = time.monotonic()
            if self._process.poll() is not None:
                self._kill()  # processes that it left behind would keep its output open
            if ending is not None and ending.is_set():
                self.stop()
            if self.stopped:
                stopped_at = stopped_at or now
            if limit is not None and now - began > limit and not self.stopped:
                self._timed_out = True
                self._kill()
            if stopped_at is not None and now - stopped_at > self._grace_s:
                self._kill()

    def _kill(self) -> None:
        self._dependent.signal(signal.SIGKILL)

    def _told(self) -> str:
        if not self._tail:
            return "it printed nothing"
        return "\n".join(["it said last:", *(f"    {line}" for line in self._tail)])


def question(job: TrainingJob) -> dict[str, str]:
    """A job's task, levels and label transformation as environment variables."""
    return {LABEL_TRANSFORM: job.label_transform, TASK: job.task, LEVELS: str(job.levels)}


def _environment(
    job: TrainingJob, program: Program, tree: _Tree, *, threads: int, arguments: Sequence[str]
) -> dict[str, str]:
    channels = sorted(job.channels)
    contract: dict[str, Any] = {
        "MODEL_DIR": tree.model,
        "INPUT_DIR": tree.root / "input",
        "INPUT_CONFIG_DIR": tree.config,
        "OUTPUT_DIR": tree.output,
        "OUTPUT_DATA_DIR": tree.output / "data",
        "MODULE_DIR": tree.code,
        "MODULE_NAME": Path(program.entry_point).stem,
        "USER_ENTRY_POINT": program.entry_point,
        "USER_ARGS": json.dumps(list(arguments)),
        "CHANNELS": json.dumps(channels),
        "CURRENT_HOST": "algo-1",
        "HOSTS": json.dumps(["algo-1"]),
        "NUM_CPUS": threads,
        "NUM_GPUS": 0,
        "LOG_LEVEL": 20,
        "HPS": json.dumps(dict(job.hyperparameters)),
        **{f"CHANNEL_{name.upper()}": tree.channel(name) for name in channels},
        **{f"HP_{name.upper()}": _text(value) for name, value in job.hyperparameters.items()},
    }
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("SM_")}
    return {
        **inherited,
        **{f"SM_{name}": str(value) for name, value in contract.items()},
        "SAGEMAKER_BASE_DIR": str(tree.root),
        "TRAINING_JOB_NAME": job.name,
        **question(job),
        "OMP_NUM_THREADS": str(threads),
        "OPENBLAS_NUM_THREADS": str(threads),
        "PYTHONUNBUFFERED": "1",
        "PYTHONHASHSEED": "0",
    }


def _arguments(hyperparameters: Mapping[str, Any]) -> list[str]:
    """Arguments as SageMaker's training toolkit writes them: `--name value`, `-n value` for a name of one letter."""
    pairs = (
        (f"--{name}" if len(name) > 1 else f"-{name}", str(hyperparameters[name])) for name in sorted(hyperparameters)
    )
    return [part for pair in pairs for part in pair]


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _found(job: TrainingJob, printed: PrintedMetrics, line: str) -> list[tuple[int, Mapping[str, float]]]:
    try:
        return printed.read(line)
    except TrainingError as e:
        raise TrainingError(f"{job.name}: {e}") from None


def _check_results(job: TrainingJob, program: Program, printed: PrintedMetrics, *, has_model: bool) -> None:
    if not has_model:
        raise TrainingError(
            f"{job.name}: {program.entry_point} ended without an error, but wrote no model: nothing is in SM_MODEL_DIR"
        )
    if printed.missing:
        raise TrainingError(
            f"{job.name}: {program.entry_point} ended without an error, but never printed "
            f"{' and '.join(printed.missing)}: no line of its output has what "
            "the pattern looks for (algorithm.script.metrics)"
        )
