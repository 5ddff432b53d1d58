"""The flags of the commands, as `--help` describes them."""

from __future__ import annotations

from dataclasses import dataclass

from housing.cli.commands import COMMANDS


@dataclass(frozen=True)
class Flag:
    """`takes` names the flag's value; empty: it takes none. `commands` have it, all when empty; `why` others do not.

    `between` bounds the whole numbers that it takes, both inclusive.
    """

    name: str
    about: str
    takes: str = ""
    short: str = ""
    commands: tuple[str, ...] = ()
    values: tuple[str, ...] = ()
    why: str = ""
    between: tuple[int, int] | None = None


_COMPOSING = tuple(name for name, command in COMMANDS.items() if command.composes)

FLAGS = (
    Flag("--config-dir", "your own conf/ beside ours; a file of the same name wins", "DIR", commands=_COMPOSING),
    Flag(
        "--multirun",
        "a job for every value of a,b,c",
        short="-m",
        commands=("train", "tune"),
        why="the others change one model or one endpoint, where jobs would undo each other's work",
    ),
    Flag("--dry-run", "list the jobs, what is known of them and what they may take", commands=("train", "tune")),
    Flag(
        "--cfg",
        "print the composed configuration and stop",
        "job|hydra|all",
        commands=_COMPOSING,
        values=("job", "hydra", "all"),
    ),
    Flag(
        "--detailed-exitcode",
        "exit code 2 when changes are pending (plan); on drift or a clear difference (monitor)",
        commands=("plan", "monitor"),
    ),
    Flag("--label", "the column to predict", "COLUMN", commands=("describe", "new")),
    Flag("--data", "the file with the data; it is copied", "FILE", commands=("new",)),
    Flag("--filter", "only runs that MLflow's filter finds", "TEXT", commands=("runs",)),
    Flag("--export", "write them to a .csv, .parquet or .json file", "FILE", commands=("runs",)),
    Flag("--delete", "mark them as deleted, with what lies below them", commands=("runs",)),
    Flag("--restore", "bring deleted ones back", commands=("runs",)),
    Flag("--task", "the question: regression, binary, ... (default: a guess)", "TASK", commands=("describe",)),
    Flag("--separator", "between the values of a CSV file (default: a guess)", "CHARACTER", commands=("describe",)),
    Flag("--sheet", "of an Excel workbook that has several", "NAME", commands=("describe",)),
    Flag("--table", "of a database: FILE is SQLite's, DuckDB's or an address", "NAME", commands=("describe",)),
    Flag("--query", "the rows of a database that it returns", "SQL", commands=("describe",)),
    Flag(
        "--top",
        "how many: trials that stand for a study (default: 5), runs that are listed (20)",
        "N",
        commands=("compare", "runs"),
        between=(1, 1000),
    ),
    Flag("--sets", "each RUN or STUDY stands for all of its runs, as a set", commands=("compare",)),
    Flag("--labels", "actual labels, by the identifier of their rows", "FILE", commands=("monitor",)),
    Flag(
        "--html",
        "write a self-contained page; with --every, one that refreshes",
        "FILE",
        commands=("compare", "monitor", "status"),
    ),
    Flag("--every", "look again every N seconds, until Ctrl-C", "N", commands=("monitor",), between=(1, 86_400)),
    Flag("--until", "end a watch after 90s, 30m or 8h, or at 18:30", "TIME", commands=("monitor",)),
    Flag(
        "--batch",
        "answer a file, here or in S3, by a batch transform job",
        "SOURCE",
        commands=("predict",),
    ),
    Flag("--interval", "a range for each prediction that holds the truth this often", "SHARE", commands=("predict",)),
    Flag(
        "--explain",
        "the columns that moved each prediction most",
        "N",
        commands=("predict",),
        between=(1, 1000),
    ),
    Flag("--output", "write answers there as they come, to continue if interrupted", "FILE", commands=("predict",)),
    Flag("--port", "listen there (default: any free one)", "N", commands=("rehearsal", "ui"), between=(1, 65535)),
    Flag("--json", "one JSON document on stdout", commands=_COMPOSING),
    Flag("--help", "this text", short="-h"),
)


def flags_of(command: str) -> list[Flag]:
    """The flags that a command has."""
    return [flag for flag in FLAGS if not flag.commands or command in flag.commands]
