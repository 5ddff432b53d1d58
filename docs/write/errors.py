"""The page of exit codes and errors, from the tree of errors."""

from __future__ import annotations

import inspect
from collections.abc import Iterator

import housing
from docs.write import markdown
from docs.write.markdown import code, table
from housing import errors
from housing.errors import HousingError

_EXIT_CODES = (
    (0, "done"),
    (1, "a run, a deployment or the record failed"),
    (2, "something to look at: `plan` or `monitor` with `--detailed-exitcode`"),
    (3, "the configuration or the data are wrong; nothing was trained"),
    (4, "the gate refused the candidate; nothing has changed"),
    (5, "the budget refused a job, before it began"),
    (6, "a cloud service refused or failed, or an update was taken back"),
    (130, "interrupted; what was finished is recorded, and the command that goes on is printed"),
)


def page() -> str:
    """Exit codes of the command line, and the exceptions of the library."""
    rows = [
        (
            f"{'— ' * depth}{code(f'housing.{kind.__name__}' if hasattr(housing, kind.__name__) else kind.__name__)}",
            str(kind.exit_code),
            _first(kind),
        )
        for depth, kind in _tree(HousingError)
    ]
    return markdown.page(
        "Exit codes and errors",
        "A mistake is answered with what is wrong, where, the rule and the way out, on stderr and without a "
        "traceback. With `--json` the last line of stdout is a document in any case. `HOUSING_TRACEBACK=1` shows "
        "where an error was raised.",
        table(("exit code", "meaning"), [(str(number), meaning) for number, meaning in _EXIT_CODES]),
        "## Exceptions",
        "In Python the same errors are raised, all of them `housing.HousingError`. Each has an `exit_code`, its text "
        "without secrets (`str(error)`), and `command`, a command that helps, or an empty text.",
        table(("exception", "exit code", "raised when"), rows),
        "Some have what they tell as data, too: `DataError.faults` (`housing.DataFault`: `fault`, `count`, `examples`, "
        "`way_out`), `GateRefused.verdicts` (`housing.GateVerdict`: `rule`, `passed`, `why`) and `.run_id`, "
        "`BudgetRefused.limit_usd`, `.spent_usd` and `.needed_usd`.",
        "A `ConfigError` has `faults`, one `housing.FaultDetail` for each fault, all found at once:",
        table(
            ("field", "meaning"),
            [
                ("`key`", "the key, dotted, such as `algorithm.eta`"),
                ("`where`", "the file and line, or the command line"),
                ("`rule`", "what must hold, and what was found"),
                ("`way_out`", "what to write instead, or empty"),
            ],
        ),
    )


def _tree(kind: type[HousingError], depth: int = 0) -> Iterator[tuple[int, type[HousingError]]]:
    yield depth, kind
    for below in kind.__subclasses__():
        if below.__module__ == errors.__name__:
            yield from _tree(below, depth + 1)


def _first(kind: type[HousingError]) -> str:
    return (inspect.getdoc(kind) or "").split("\n\n")[0]
