"""Studies that are killed at random moments and resumed until done, and how long a long study takes to resume.

`python -m benchmarks.resume [repetitions]`: a study of nine trials, three at once, with `kill -9` and with Ctrl-C.
"""

from __future__ import annotations

import os
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from tests.workflow.processes import run, start, studies

NINE = ("tune", "study.name=nine", "study.trials=9", "study.parallel=3")
LONG = 1000


def again(folder: Path) -> tuple[str, ...]:
    begun = studies(folder / "mlflow.db")
    return ("tune", f"study.resume={begun[0].name}") if begun else NINE


def stopped_until_done(folder: Path, sent: signal.Signals, moments: random.Random, whole_s: float) -> int:
    """Stop the study at random moments until one attempt is not stopped in time; returns how often it was."""
    stopped = 0
    while True:
        process = start(*again(folder), folder=folder)
        # A little longer each time, or a machine that has become slower would never let one get to its end.
        process.join(moments.uniform(0.1, 1.0) * whole_s * (1 + stopped / 5))
        if process.exitcode is None:
            assert process.pid is not None
            os.kill(process.pid, sent)
            stopped += 1
        process.join()
        if process.exitcode == 0:
            return stopped


def verdict(folder: Path) -> str:
    (study,) = studies(folder / "mlflow.db")
    if study.status == "FINISHED" and study.numbers == list(range(9)) and "RUNNING" not in study.statuses:
        return "nine finished, none twice, none running"
    return f"WRONG: study {study.status}, finished {study.numbers}, {dict(study.statuses)}"


def random_moments(repetitions: int) -> None:
    with tempfile.TemporaryDirectory() as name:
        run("train", folder=Path(name))  # the template of the record, and the process that others are forked from
        started = time.perf_counter()
        run(*NINE, folder=Path(name))
        whole_s = time.perf_counter() - started
    print(f"one study, not stopped: {whole_s:.1f} s")
    for sent in (signal.SIGKILL, signal.SIGINT):
        moments, stopped, verdicts = random.Random(20), 0, Counter[str]()
        for _ in range(repetitions):
            with tempfile.TemporaryDirectory() as name:
                stopped += stopped_until_done(Path(name), sent, moments, whole_s)
                verdicts[verdict(Path(name))] += 1
            told = "; ".join(f"{times} {text}" for text, times in verdicts.items())
            print(f"\r{sent.name}: stopped {stopped} times in {verdicts.total()} studies: {told}", end="", flush=True)
        print()


def long_study() -> None:
    """The time that earlier trials add to a command: from its start until its first new trial, and to its end."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        options = ("study=random", "study.parallel=2", "algorithm.num_round=2")
        seconds = {}
        for trials in (2, LONG):
            started = time.perf_counter()
            assert run("tune", "study.name=long", *options, f"study.trials={trials}", folder=folder) == 0
            seconds[f"{trials} trials, new"] = time.perf_counter() - started
        short, long = (study.name for study in studies(folder / "mlflow.db"))
        for label, study, trials in (("2", short, 3), (f"{LONG:,}", long, LONG + 1), (f"{LONG:,}", long, LONG + 1)):
            started = time.perf_counter()
            assert run("tune", f"study.resume={study}", f"study.trials={trials}", folder=folder) == 0
            print(f"resume a study of {label} trials up to {trials:,}, whole: {time.perf_counter() - started:.1f} s")
        print(", ".join(f"{what}: {took:.1f} s" for what, took in seconds.items()))


def main() -> None:
    random_moments(int(sys.argv[1]) if len(sys.argv) > 1 else 20)
    long_study()


if __name__ == "__main__":
    main()
