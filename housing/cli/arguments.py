"""Arguments -> a `Request`, whether a person, a script or `mlflow run` wrote them.

MLflow passes a parameter that MLproject does not declare as `--algorithm.eta 0.1`, one that holds several overrides as
a single argument, and an empty one as an empty argument. All of them become the overrides a person would have typed.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from housing import shell
from housing.cli.clock import seconds_until
from housing.cli.commands import COMMANDS
from housing.cli.flags import FLAGS, Flag, flags_of
from housing.config.schema import Experiment
from housing.errors import ConfigError
from housing.nearest import nearest


@dataclass(frozen=True)
class Request:
    """One command as typed. `argument` is its FILE or ENDPOINT, `arguments` its RUNs where it takes several."""

    command: str | None = None
    argument: str | None = None
    arguments: tuple[str, ...] = ()
    overrides: tuple[str, ...] = ()
    config_dir: Path | None = None
    multirun: bool = False
    dry_run: bool = False
    cfg: str | None = None
    detailed_exitcode: bool = False
    label: str | None = None
    separator: str | None = None
    sheet: str | None = None
    table: str | None = None
    query: str | None = None
    task: str | None = None
    top: int | None = None
    html: Path | None = None
    sets: bool = False
    data: Path | None = None
    filter: str | None = None
    export: Path | None = None
    delete: bool = False
    restore: bool = False
    labels: Path | None = None
    port: int | None = None
    interval: float | None = None
    explain: int | None = None
    output: Path | None = None
    every: int | None = None
    until: float | None = None
    batch: str | None = None
    json: bool = False
    help: bool = False
    version: bool = False


def parse(argv: Sequence[str]) -> Request:
    """The request; raises ConfigError for a command or flag that does not exist, naming the nearest one that does."""
    if "--version" in argv:
        return Request(version=True)
    words = [word for word in argv if word]
    asks_for_help = any(word in ("--help", "-h", "help") for word in words[:1])
    if not words or asks_for_help:
        name = words[1] if len(words) > 1 and words[1] in COMMANDS else None
        return Request(command=name, help=True)
    name, *rest = words
    if name not in COMMANDS:
        raise ConfigError(_no_command(name))
    return _Parser(name).parse(rest)


def outdone(overrides: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Each override that another one of its key stands behind, with the one that counts: Hydra takes the last."""
    last = {_key(override): override for override in overrides}
    for override in overrides:
        if not override.startswith("~") and override.lstrip("+") != last[_key(override)].lstrip("+"):
            yield override, last[_key(override)]


def _key(override: str) -> str:
    return override.lstrip("+~").partition("=")[0].strip()


def split_overrides(text: str) -> list[str]:
    """Split one argument into its overrides; quotes and brackets group, as in Hydra and in a shell."""
    found = list(_words(text))
    if len(found) > 1 and _OVERRIDE.match(found[0]) and not any(_OVERRIDE.match(word) for word in found[1:]):
        return [text.strip()]  # one override whose value contains spaces
    words: list[str] = []
    for word in found:
        if words and not _OVERRIDE.match(word):
            words[-1] += f" {word}"
        else:
            words.append(word)
    return words


_OVERRIDE = re.compile(r"""["']?([+~]{0,2}[A-Za-z_][\w./@-]*=|~\w)""")
_FILTER = re.compile(r"(params|metrics|tags|attributes)\.")
"""The beginning of a filter in MLflow's language; no key of ours begins so."""
_CLOSING = {"[": "]", "{": "}", "(": ")"}


@dataclass
class _Parser:
    command: str

    def parse(self, words: Sequence[str]) -> Request:
        request = Request(self.command)
        overrides: list[str] = []
        remaining = iter(words)
        for word in remaining:
            if word.startswith("-") and not word.startswith("-=") and len(word) > 1:
                flag, equals, value = word.partition("=")
                known = self._flag(flag)
                if known is None:
                    overrides.append(f"{flag.lstrip('-')}={value if equals else self._value(flag, remaining)}")
                    continue
                if known.takes and not equals:
                    value = self._value(flag, remaining)
                request = _with_flag(request, known, value)
            elif self._takes(word, request):
                request = replace(request, argument=word, arguments=(*request.arguments, word))
            else:
                overrides += split_overrides(word)
        self._refuse_incomplete(request, overrides)
        return replace(request, overrides=tuple(overrides))

    def _takes(self, word: str, request: Request) -> bool:
        """Whether a word is the command's FILE, ENDPOINT or RUN. In a run's name `=` comes after a space."""
        wanted = COMMANDS[self.command].argument
        if "RUN" in wanted or "STUDY" in wanted:
            is_run = _FILTER.match(word) is not None or not _OVERRIDE.match(word)
            return ("..." in wanted or request.argument is None) and is_run
        is_file = "=" not in word or _ADDRESS.match(word) is not None or os.path.exists(word)  # noqa: PTH110 - a Path raises where a name is too long
        return bool(wanted) and ("..." in wanted or request.argument is None) and is_file

    def _flag(self, flag: str) -> Flag | None:
        """The flag; None for an override that `mlflow run` passed in the form of a flag."""
        own = flags_of(self.command)
        for known in own:
            if flag in (known.name, known.short):
                return known
        if "." in flag or flag.lstrip("-").partition("@")[0] in _KEYS:
            return None
        others = [f for f in FLAGS if flag in (f.name, f.short)]
        if others:
            raise ConfigError(_not_here(flag, self.command, others[0]))
        names = [f.name for f in own]
        meant = nearest(flag, [*names, *(f"--{key}" for key in _KEYS)])
        if meant is not None and meant not in names:
            way_out = f"did you mean {meant.removeprefix('--')}=<value>?"
        else:
            way_out = f"did you mean {meant}?" if meant else f"it has {_listed(names)}"
        raise ConfigError(f"{flag}: `housing {self.command}` has no such flag; {way_out}")

    def _value(self, flag: str, remaining: Iterator[str]) -> str:
        value = next(remaining, None)
        if value is None:
            raise ConfigError(f"{flag}: needs a value after it")
        return value

    def _refuse_incomplete(self, request: Request, overrides: Sequence[str]) -> None:
        command = COMMANDS[self.command]
        if request.help:
            return
        example = command.examples[0][0]
        if self.command == "monitor" and request.every is None and request.until is not None:
            raise ConfigError("--until: only with --every, which says how often to look: --every 60")
        if request.batch is not None and request.argument is not None:
            raise ConfigError(f"--batch {request.batch}: replaces the file {request.argument}; give one of them")
        if request.batch is not None and (request.interval is not None or request.explain is not None):
            raise ConfigError(
                f"--batch {request.batch}: a batch transform job answers predictions alone; leave out --interval and "
                "--explain, or predict a file of this machine"
            )
        if command.argument and not command.argument.startswith("[") and (request.argument or request.batch) is None:
            raise ConfigError(f"`housing {self.command}` needs {command.argument}, for example: {example}")
        if command.argument.islower() and request.argument not in command.argument.split("|"):
            meant = nearest(str(request.argument), command.argument.split("|"))
            way_out = f"did you mean {meant}?" if meant else f"it takes {command.argument}"
            raise ConfigError(f"{request.argument}: `housing {self.command}` cannot do that; {way_out}")
        if not command.composes and overrides:
            raise ConfigError(f"{overrides[0]}: `housing {self.command}` takes no overrides, for example: {example}")
        if self.command == "describe" and request.label is None:
            raise ConfigError(f"`housing describe` needs the column to predict, for example: {example}")


_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
_KEYS = {field.name for field in fields(Experiment)} | {"experiment", "target"}


def _with_flag(request: Request, flag: Flag, value: str) -> Request:
    if flag.values and value not in flag.values:
        meant = nearest(value, flag.values)
        way_out = f"; did you mean {meant}?" if meant else ""
        raise ConfigError(f"{flag.name} {value}: must be one of {_listed(flag.values)}{way_out}")
    if flag.takes in ("DIR", "FILE") and "://" in value:
        raise ConfigError(f"{flag.name} {value}: must be a path on this machine, addresses are not read")
    field = flag.name.removeprefix("--").replace("-", "_")
    if flag.takes == "TIME":
        return replace(request, until=seconds_until(flag.name, value))
    if flag.takes == "SHARE":
        return replace(request, interval=_share(flag, value))
    taken: Any = Path(value) if flag.takes in ("DIR", "FILE") else value
    if flag.between:
        low, high = flag.between
        if not value.isascii() or not value.isdecimal() or not low <= int(value) <= high:
            raise ConfigError(f"{flag.name} {value}: must be a whole number from {low} to {high:,}")
        taken = int(value)
    changed: dict[str, Any] = {field: taken if flag.takes else True}
    return replace(request, **changed)


def _share(flag: Flag, value: str) -> float:
    try:
        share = float(value)
    except ValueError:
        share = 0.0
    if not 0 < share < 1:
        raise ConfigError(f"{flag.name} {value}: must be a share between 0 and 1, such as 0.9")
    return share


def _not_here(flag: str, command: str, known: Flag) -> str:
    have = "have" if len(known.commands) > 1 else "has"
    why = f": {known.why}" if known.why else ""
    return f"{flag}: `housing {command}` has no such flag; only {_listed(known.commands)} {have} it{why}"


def _no_command(name: str) -> str:
    meant = nearest(name, COMMANDS)
    way_out = f"did you mean {meant}?" if meant else f"available: {_listed(tuple(COMMANDS))}"
    if "=" in name:
        way_out = f"put a command before it: {shell.command('train', name)}"
    return f"{name}: no such command; {way_out}"


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names)


def _words(text: str) -> Iterator[str]:
    """The words outside of quotes and brackets. Quotes around a whole word are the shell's and are removed; those
    inside are Hydra's and stay.
    """
    word, quote, open_brackets = "", "", []
    for character in text:
        if quote:
            quote = "" if character == quote else quote
        elif character in "'\"":
            quote = character
        elif character in _CLOSING:
            open_brackets.append(_CLOSING[character])
        elif open_brackets and character == open_brackets[-1]:
            open_brackets.pop()
        elif character.isspace() and not open_brackets:
            if word:
                yield _unquoted(word)
            word = ""
            continue
        word += character
    if word:
        yield _unquoted(word)


def _unquoted(word: str) -> str:
    quoted = len(word) > 1 and word[0] == word[-1] and word[0] in "'\"" and word[0] not in word[1:-1]
    return word[1:-1] if quoted else word
