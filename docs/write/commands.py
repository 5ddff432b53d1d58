"""The page of commands, from what `housing --help` is made of."""

from __future__ import annotations

from docs.write import markdown
from docs.write.markdown import code, table
from housing.cli.commands import COMMANDS, Command
from housing.cli.flags import FLAGS, Flag, flags_of


def page() -> str:
    """Every command, and the flags that all of them have."""
    overview = table(("command", "what it does"), [(f"[`{c.name}`](#{c.name})", c.summary) for c in COMMANDS.values()])
    shared = [(_flag(flag), flag.about) for flag in FLAGS if not flag.commands]
    return markdown.page(
        "Commands",
        "`housing COMMAND --help` tells the same. Overrides have Hydra's grammar: `algorithm.eta=0.1` sets a value, "
        "`dataset=mine` takes another file of a group, `~search_space.eta` takes a value away. Every key is in the "
        "[configuration](configuration/index.md), every exit code in [errors](errors.md).",
        overview,
        "Flags of every command:",
        table(("flag", "meaning"), shared),
        *map(_section, COMMANDS.values()),
    )


def _section(command: Command) -> str:
    """What a command does, what it takes, and how it is called."""
    words = ("housing", command.name, command.argument, "[KEY=VALUE ...]" if command.composes else "", "[FLAGS]")
    calls = "\n".join(f"{typed}    # {why}" if why else typed for typed, why in command.examples)
    own = [(_flag(flag), flag.about) for flag in flags_of(command.name) if flag.commands]
    return "\n".join(
        [
            f"## {command.name}\n",
            f"{code(' '.join(filter(None, words)))}\n",
            f"{' '.join(command.about.split())}\n",
            f"```console\n{calls}\n```\n",
            table(("flag", "meaning"), own) if own else "",
        ]
    )


def _flag(flag: Flag) -> str:
    return ", ".join(code(each) for each in (f"{flag.name} {flag.takes}".strip(), flag.short) if each)
