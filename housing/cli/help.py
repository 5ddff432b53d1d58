"""What `--help` prints."""

from __future__ import annotations

from housing.cli.commands import COMMANDS
from housing.cli.flags import flags_of


def overview() -> str:
    """`housing --help`."""
    width = max(map(len, COMMANDS))
    commands = "\n".join(f"  {c.name:<{width}}  {c.summary}" for c in COMMANDS.values())
    return f"""\
Experiments declared in YAML: composed by Hydra, recorded by MLflow, deployed by the same files.

usage: housing COMMAND [KEY=VALUE ...] [FLAGS]

commands
{commands}

overrides
  algorithm.eta=0.1     a value of conf/, by its path
  dataset=mine          another file of a group: conf/dataset/mine.yaml
  ~search_space.eta     leave a value out

examples
  housing run experiment=walkthrough
  housing train algorithm.max_depth=4
  housing tune study.trials=20
  housing train --cfg job

flags
  --help, -h   this text; `housing COMMAND --help` tells more about it
  --version

exit codes
  0 done   1 failed   2 something to look at (plan or monitor with --detailed-exitcode)
  3 bad configuration or data
  4 refused by the gate   5 refused by the budget   6 cloud error   130 interrupted
"""


def help_of(name: str) -> str:
    """`housing COMMAND --help`."""
    command = COMMANDS[name]
    words = [name, command.argument, "[KEY=VALUE ...]" if command.composes else "", "[FLAGS]"]
    flags = [(", ".join(filter(None, (f"{f.name} {f.takes}".strip(), f.short))), f.about) for f in flags_of(name)]
    return f"""\
{command.about}

usage: housing {" ".join(filter(None, words))}

examples
{_columns(command.examples)}

flags
{_columns(flags)}
"""


def _columns(pairs: list[tuple[str, str]] | tuple[tuple[str, str], ...]) -> str:
    width = max(len(left) for left, _ in pairs)
    return "\n".join(f"  {left:<{width}}  {right}".rstrip() for left, right in pairs)
