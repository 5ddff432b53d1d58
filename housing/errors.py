"""Every error that housing raises on purpose, as a tree; each carries the exit code the command line ends with.

HousingError               1
├── ConfigError            3  a value in conf/ or on the command line is wrong
├── DataError              3  a table does not match its description
├── ModelError             1  a model gave no answer, or one of another shape, to rows as they are described
├── TrainingError          1  a training job failed; names the job
├── TrackingError          1  the record cannot be read or written
│   └── ServerAway         1  its server gave no answer for as long as was allowed
├── RegistryError          1  a model, version or alias does not exist
├── DeploymentError        1  a host refused, or did not reach, the wanted state
├── GateRefused            4  a candidate did not pass the promotion gate
├── BudgetRefused          5  a job would exceed the budget
└── CloudError             6  a cloud service refused or failed
    └── JobRefused         6  it refused a job for good, which has never begun
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from housing import shell
from housing.secrets import masked


@dataclass(frozen=True)
class FaultDetail:
    """One fault of a configuration: the dotted `key`, where its value comes from, the rule, and the way out (may be
    empty).
    """

    key: str
    where: str
    rule: str
    way_out: str


@dataclass(frozen=True)
class DataFault:
    """One fault of a table: how often it occurs, a few places, and the way out (may be empty)."""

    fault: str
    count: int
    examples: tuple[str, ...]
    way_out: str


@dataclass(frozen=True)
class GateVerdict:
    """The verdict of one rule of the gate, in words."""

    rule: str
    passed: bool
    why: str


class HousingError(Exception):
    """Base of all errors raised on purpose; the command line prints it without a traceback.

    Its text, often a vendor's, is shown and recorded: it holds no secret. `way_out` is a command that helps, with its
    arguments; `command` is that command ready to paste, with all the options that it needs.
    """

    exit_code: ClassVar[int] = 1

    def __init__(self, message: object = "", *, way_out: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.way_out = way_out
        self.command = shell.command(*way_out) if way_out else ""

    def __str__(self) -> str:
        return masked(f"{super().__str__()}: {self.command}" if self.command else super().__str__())


class ConfigError(HousingError):
    """A value in conf/ or on the command line is wrong; `faults` lists everything that was found."""

    exit_code = 3
    faults: tuple[FaultDetail, ...] = ()


class DataError(HousingError):
    """A table does not match its description; `faults` lists those of rows and columns, where all of it was read."""

    exit_code = 3
    faults: tuple[DataFault, ...] = ()


class ModelError(HousingError):
    """A model, such as a script's, failed on valid rows, or returned something other than predictions for them.

    An endpoint counts it as its own failure (5xx), not as the client's.
    """


class TrainingError(HousingError):
    """A training job failed."""


class TrackingError(HousingError):
    """The record cannot be read or written."""


class ServerAway(TrackingError):
    """The tracking server gave no answer for as long as was allowed; nothing more should be asked of it."""


class RegistryError(HousingError):
    """A registered model, version or alias does not exist."""


class DeploymentError(HousingError):
    """A host refused, or did not reach, the wanted state."""


class RolledBack(DeploymentError):
    """An update was undone because of an alarm; what was served before is served again."""

    exit_code = 6


class GateRefused(HousingError):
    """A candidate did not pass the promotion gate, for the reasons in `verdicts`; its model is kept in the run
    `run_id`.
    """

    exit_code = 4
    verdicts: tuple[GateVerdict, ...] = ()
    run_id: str = ""


class BudgetRefused(HousingError):
    """A job would exceed the budget; amounts are in US dollars, None where no price is known."""

    exit_code = 5
    limit_usd: float | None = None
    spent_usd: float | None = None
    needed_usd: float | None = None


class CloudError(HousingError):
    """A cloud service refused or failed."""

    exit_code = 6


class JobRefused(CloudError):
    """A cloud service refused a job for good: it never started, and retrying is of no use."""
