"""The settings of a rehearsal in a configuration, which can be read without importing the rehearsal itself."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Literal

from housing.targets.sagemaker.settings import Settings as SageMakerSettings

_SERVICES = ("sagemaker", "s3", "iam", "sts", "logs", "cloudwatch", "application-autoscaling")
_FASTEST = 1000  # beyond that, hardly anything is left of an alarm's shortest period
_OPERATION = re.compile(rf"\*|({'|'.join(_SERVICES)}):[A-Za-z0-9*]+")


@dataclass(frozen=True)
class InjectedFault:
    """Calls of `operation` (`sagemaker:CreateTrainingJob`, `s3:*`, `*`) that go wrong: `times` of them, from the
    `first` (counted from 1) on. With a pattern each operation is counted separately, also across restarts, until
    other faults are set or the rehearsal is stopped.

    `throttling` and `server_error` answer as AWS does; `capacity` fails a job or endpoint as when AWS has no
    machines; `slow` answers after `seconds`; `lost` executes the call and then breaks the connection without an answer.
    """

    operation: str
    kind: Literal["throttling", "server_error", "capacity", "slow", "lost"]
    first: int = 1
    times: int = 1
    seconds: float = 1

    def __post_init__(self) -> None:
        if not _OPERATION.fullmatch(self.operation):
            raise ValueError(
                f"operation must be * or <service>:<operation> such as sagemaker:CreateTrainingJob or s3:*, "
                f"with one of the services {', '.join(_SERVICES)}, got {self.operation!r}"
            )
        if self.first < 1 or self.times < 1:
            raise ValueError(f"first and times must be 1 or more, got {self.first} and {self.times}")
        if self.seconds < 0:
            raise ValueError(f"seconds must be 0 or more, got {self.seconds}")


@dataclass(frozen=True)
class Quotas:
    """The account's service quotas, AWS's defaults: the longest training job, and how many training jobs a tuning job
    may run at once, with the strategy Bayesian and with any other."""

    training_run_s: int = 432_000
    parallel_bayesian_jobs: int = 10
    parallel_jobs: int = 100

    def __post_init__(self) -> None:
        for key in ("training_run_s", "parallel_bayesian_jobs", "parallel_jobs"):
            if getattr(self, key) < 1:
                raise ValueError(f"{key} must be 1 or more, got {getattr(self, key)}")


@dataclass(frozen=True)
class Rehearsal:
    """`folder` holds the state, relative to the working folder, and outlives the process; `port` 0: the system chooses.

    Spot jobs are interrupted at each of the rounds `interrupt_at_rounds`, once; `start_s` is how long a machine takes
    to start, `seconds_per_round` the least that each round of the built-in algorithm takes: both count towards a job's
    limits and bill. The next `fail_jobs` training jobs fail in their containers. With `enforce_iam` calls need
    permission from their signers' policies. A rehearsal that commands have started ends once they have ended, after
    `idle_s` seconds without calls, jobs and endpoints. `seed` is for the choice of a variant for each request: each
    endpoint starts from it when it comes into service, so that the same requests are split in the same way each time.
    `speed` seconds of AWS's time pass in one second here: for starts of machines, rounds, waits of a deployment, and
    periods of alarms and autoscaling. Events keep their order; work is not accelerated.
    """

    folder: str = ".housing/rehearsal"
    port: int = 0
    region: str = "us-east-1"
    start_s: float = 0
    seconds_per_round: float = 0
    interrupt_at_rounds: tuple[int, ...] = ()
    spot_discount: float = 0.7
    fail_jobs: int = 0
    faults: tuple[InjectedFault, ...] = ()
    enforce_iam: bool = False
    idle_s: float = 10
    speed: float = 1
    seed: int = 0
    quotas: Quotas = field(default_factory=Quotas)

    def __post_init__(self) -> None:
        for key in ("start_s", "seconds_per_round", "fail_jobs", "idle_s"):
            if getattr(self, key) < 0:
                raise ValueError(f"{key} must be 0 or more, got {getattr(self, key)}")
        if any(number < 0 for number in self.interrupt_at_rounds):
            raise ValueError(f"interrupt_at_rounds must be 0 or more each, got {list(self.interrupt_at_rounds)}")
        if not 0 <= self.port <= 65535:
            raise ValueError(f"port must lie in [0, 65535], got {self.port}")
        if not 0 < self.speed <= _FASTEST:
            raise ValueError(f"speed must lie in (0, {_FASTEST}], got {self.speed}")
        if not 0 <= self.spot_discount < 1:
            raise ValueError(f"spot_discount must lie in [0, 1), got {self.spot_discount}")


@dataclass(frozen=True)
class Settings(SageMakerSettings):
    """As for SageMaker; `rehearsal` has the settings of the one on this machine, which starts automatically."""

    name: Literal["rehearsal"] = "rehearsal"  # type: ignore[assignment]
    role_arn: str | None = "arn:aws:iam::123456789012:role/housing"
    poll_s: float = 0.1
    rehearsal: Rehearsal = field(default_factory=Rehearsal)
