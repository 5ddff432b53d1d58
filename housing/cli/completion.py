"""`housing completion`: a shell asks at each press of Tab, so nothing heavy is imported here."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from housing.cli.commands import COMMANDS, Command
from housing.cli.flags import flags_of

SHELLS = ("bash", "zsh", "fish")
_PACKAGE = Path(__file__).parent.parent
_SCRIPTS = {
    "bash": """\
# housing: keep it where bash looks for completions, or source it:
#   housing completion bash > ~/.local/share/bash-completion/completions/housing
_housing() {
    local line="${COMP_LINE:0:COMP_POINT}" current words
    read -ra words <<< "$line"
    [[ "$line" == *" " ]] && words+=("")
    current="${words[-1]}"
    mapfile -t COMPREPLY < <(command housing completion --words "${words[@]:1}" 2>/dev/null)
    # bash has split the word at `=` and `:`; what it has already is not given again.
    local typed="${COMP_WORDS[COMP_CWORD]}"
    [[ "$typed" == "=" ]] && typed=""
    local before="${current%"$typed"}" i
    for i in "${!COMPREPLY[@]}"; do COMPREPLY[i]="${COMPREPLY[i]#"$before"}"; done
    [[ ${#COMPREPLY[@]} -eq 1 && "${COMPREPLY[0]}" == *[=.] ]] && compopt -o nospace
}
complete -o default -F _housing housing
""",
    "zsh": """\
#compdef housing
# housing: keep it as _housing in a folder of $fpath.
_housing() {
    local -a found
    found=("${(@f)$(command housing completion --words "${(@)words[2,CURRENT]}" 2>/dev/null)}")
    if [[ -n "${found[1]}" ]]; then
        compadd -S '' -- ${(M)found:#*[=.]}
        compadd -- ${found:#*[=.]}
    else
        _files
    fi
}
_housing "$@"
""",
    "fish": """\
# housing: housing completion fish > ~/.config/fish/completions/housing.fish
function __housing
    set -l words (commandline -opc)
    command housing completion --words $words[2..] (commandline -ct) 2>/dev/null
end
complete -c housing -a '(__housing)'
""",
}


def script(shell: str) -> str:
    """The script that a shell must evaluate to get completion."""
    return _SCRIPTS[shell]


def candidates(words: Sequence[str]) -> list[str]:
    """Completions of the last, unfinished word; `words` are those after `housing`."""
    *before, current = words or [""]
    if not before:
        return _beginning(current, (*COMMANDS, "--help", "--version"))
    command = COMMANDS.get(before[0])
    return _after(command, before, current) if command is not None else []


def _after(command: Command, before: Sequence[str], current: str) -> list[str]:
    flags = {flag.name: flag for flag in flags_of(command.name)}
    if (taking := flags.get(before[-1])) is not None and taking.takes:
        return _beginning(current, taking.values)
    if current.startswith("-"):
        return _beginning(current, flags)
    choices = command.argument.split("|") if command.argument.islower() and len(before) == 1 else []
    if not command.composes:
        return _beginning(current, choices)
    folders = _folders(before)
    slot, chosen, value = current.partition("=")
    if chosen:
        found = (*_options(slot, before, folders, value), *_values(slot, folders))
        return _beginning(current, [f"{slot}={option}" for option in found])
    return _beginning(current, [*choices, *_keys(current, folders)])


def _beginning(current: str, found: Iterator[str] | Sequence[str] | Mapping[str, object]) -> list[str]:
    return sorted({each for each in found if each.startswith(current)})


def _folders(words: Sequence[str]) -> list[Path]:
    """The configuration folders: the user's, where `words` name one, and ours."""
    ours = next((f for f in (_PACKAGE / "conf", _PACKAGE.parent / "conf") if f.is_dir()), _PACKAGE / "conf")
    theirs = [Path(words[i + 1]) for i, word in enumerate(words[:-1]) if word == "--config-dir"]
    theirs += [Path(word.partition("=")[2]) for word in words if word.startswith("--config-dir=")]
    return [*theirs, ours]


def _options(slot: str, words: Sequence[str], folders: Sequence[Path], value: str) -> Iterator[str]:
    """The options of a group; those in the folder of the chosen algorithm also by their short names."""
    group = slot.partition("@")[0].lstrip("+")
    algorithm = _algorithm(words, folders)
    for folder in folders:
        for file in (folder / group).rglob("*.yaml") if group else ():
            name = file.relative_to(folder / group).with_suffix("").as_posix()
            inside, _, short = name.partition("/")
            if inside == algorithm and short and "/" not in value:
                yield short
            elif not short or "/" in value:
                yield name


def _algorithm(words: Sequence[str], folders: Sequence[Path]) -> str:
    """The algorithm that `words` choose, else config.yaml's, by a regular expression: parsing YAML is too slow here."""
    chosen = [word.partition("=")[2] for word in words if word.startswith("algorithm=")]
    if chosen:
        return chosen[-1]
    file = next(file for folder in folders if (file := folder / "config.yaml").is_file())
    found = re.search(r"^ *- algorithm: *([\w-]+)", file.read_text(encoding="utf-8"), re.MULTILINE)
    return found[1] if found else ""


def _keys(current: str, folders: Sequence[Path]) -> Iterator[str]:
    """Groups, and the configuration's keys up to the next dot."""
    if "." not in current:
        for folder in folders:
            yield from (f"{path.name}=" for path in folder.iterdir() if path.is_dir()) if folder.is_dir() else ()
        yield from ("target@runner=", "target@host=")
    schema = json.loads((folders[-1] / "schema.json").read_bytes())
    *path, _ = current.split(".")
    for name, inside in _properties(schema, schema, path).items():
        is_group = bool(_properties(schema, inside, []))
        yield ".".join([*path, name]) + ("." if is_group else "=")


def _values(key: str, folders: Sequence[Path]) -> Iterator[str]:
    """The values of a key that has a fixed list of them, or is a boolean."""
    schema = json.loads((folders[-1] / "schema.json").read_bytes())
    *path, name = key.split(".")
    node = _properties(schema, schema, path).get(name, {})
    for each in (node, *node.get("anyOf", ())):
        allowed = schema["$defs"][each["$ref"].rpartition("/")[2]] if "$ref" in each else each
        listed = (True, False) if allowed.get("type") == "boolean" else allowed.get("enum", ())
        yield from (one if isinstance(one, str) else json.dumps(one) for one in listed)


def _properties(schema: Mapping[str, Any], node: Mapping[str, Any], path: Sequence[str]) -> dict[str, Any]:
    """The schema properties of everything that may be at a path."""
    if "$ref" in node:
        node = schema["$defs"][node["$ref"].rpartition("/")[2]]
    found: dict[str, Any] = {}
    for each in (node, *node.get("anyOf", ()), *node.get("oneOf", ())):
        if each is not node:
            found |= _properties(schema, each, path)
        elif not path:
            found |= each.get("properties", {})
        elif path[0] in each.get("properties", {}):
            found |= _properties(schema, each["properties"][path[0]], path[1:])
    return found
