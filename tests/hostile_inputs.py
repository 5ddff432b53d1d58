"""Configurations and files that somebody made to do harm, or that no one meant: generated, the same every time."""

from __future__ import annotations

import gzip
import os
import random
import socket
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from housing.config.load import compose

CSV = "price,area\n" + "".join(f"{100 + 7 * n % 50},{20 + n}\n" for n in range(40))
DATASET = """\
name: small
source: small.csv
label: price
columns:
  price: {kind: numeric}
  area: {kind: numeric}
split:
  fractions: {train: 0.6, validation: 0.2, test: 0.2}
"""
_EXPERIMENT = "conf/experiment/hostile.yaml"
_OWN = ("--config-dir", "conf")
_CHOSEN = (*_OWN, "experiment=hostile")
_COMMANDS = (("train",), ("train", "--cfg", "job"), ("train", "--json"), ("status",), ("tune", "study.trials=2"))
_QUICK = ("dataset=small", "algorithm.num_round=2", *_OWN)


@dataclass(frozen=True)
class Case:
    """A command, the files it finds, and what must be found neither in its output nor in anything it writes."""

    kind: str
    arguments: tuple[str, ...]
    files: Mapping[str, str | bytes] = field(default_factory=dict)
    special: Mapping[str, str] = field(default_factory=dict)
    secrets: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    memory_mb: int | None = None

    def put(self, folder: Path) -> None:
        """Lay the files out."""
        files = {"conf/dataset/small.yaml": DATASET, "small.csv": CSV, **self.files}
        for name, content in files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content if isinstance(content, bytes) else content.encode(errors="surrogateescape"))
        for name, kind in self.special.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            _SPECIAL[kind](path)

    def faults(self, code: int, output: str, folder: Path) -> list[str]:
        """What must not be, in what the command answered and left in its folder."""
        found = ["traceback"] if "Traceback (most recent" in output else []
        found += ["bug"] if "bug in housing" in output else []
        found += ["killed"] if code not in (0, 1, 3, 4, 5, 6) else []
        found += ["secret shown"] if any(secret in output for secret in self.secrets) else []
        return found + (["secret recorded"] if self._recorded(folder) else [])

    def _recorded(self, folder: Path) -> list[str]:
        """The files that give a secret away, those apart that were there before."""
        ours = {folder / name for name in (*self.files, *self.special)}
        return [
            str(path.relative_to(folder))
            for path in folder.rglob("*")
            if path not in ours and path.is_file() and any(s.encode() in path.read_bytes() for s in self.secrets)
        ]


def cases(count: int, seed: int = 0) -> list[Case]:
    """So many of them, every kind in turn."""
    secrets = _secrets(random.Random(seed))
    made = []
    for number in range(count):
        draw = random.Random(f"{seed} {number}")
        # Every second one brings secrets: there is a field after the other to put them in.
        made.append(next(secrets) if number % 2 else _KINDS[number // 2 % len(_KINDS)](draw))
    return made


def _sparse(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(1 << 40)


def _socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listening:
        here = Path.cwd()
        os.chdir(path.parent)  # its path may be no longer than a hundred characters
        listening.bind(path.name)
        os.chdir(here)


_SPECIAL: Mapping[str, Callable[[Path], None]] = {
    "pipe": os.mkfifo,
    "socket": _socket,
    "folder": lambda path: path.mkdir(),
    "zeros": lambda path: path.symlink_to("/dev/zero"),
    "loop": lambda path: path.symlink_to(path.name),
    "sparse": _sparse,
}


def _experiment(kind: str, text: str, draw: random.Random, **more: str | bytes) -> Case:
    command = draw.choice((("train",), ("plan",), ("tune",), ("train", "--cfg", "job"), ("train", "--json")))
    return Case(kind, (*command, *_CHOSEN), {_EXPERIMENT: "# @package _global_\n" + text, **more})


def _aliases(draw: random.Random) -> Case:
    width, depth = draw.randint(2, 12), draw.randint(15, 60)
    first = draw.choice(("[x, y]", "{x: 1}", "x", "&b0 {<<: {x: 1}}"))
    lines = [f"a0: &a0 {first}"]
    for level in range(depth):
        inside = ", ".join([f"*a{level}"] * width)
        lines.append(f"a{level + 1}: &a{level + 1} [{inside}]")
    return _experiment("aliases", "\n".join(lines), draw)


def _deep(draw: random.Random) -> Case:
    depth = draw.choice((40, 500, 3_000, 20_000))
    form = draw.choice(("[", "{a: ", "- ", "? "))
    match form:
        case "[":
            text = f"x: {'[' * depth}{']' * draw.choice((depth, depth - 1))}"
        case "{a: ":
            text = f"x: {form * depth}1{'}' * depth}"
        case _:
            text = f"x:\n  {form * depth}1"
    return _experiment("depth", text, draw)


def _interpolations(draw: random.Random) -> Case:
    length = draw.choice((18, 40, 400, 3_000))
    times = draw.randint(1, 4)
    match draw.randrange(5):
        case 0:
            body = [f"a{n + 1}: '" + f"${{a{n}}}" * times + "'" for n in range(length)]
        case 1:
            keys = [", ".join(f"k{k}: '${{a{n}}}'" for k in range(times)) for n in range(length)]
            body = [f"a{n + 1}: {{{inside}}}" for n, inside in enumerate(keys)]
        case 2:
            body = ["a1: ${a2}", "a2: ${a1}", "seed: ${a1}"]
        case 3:
            body = ["a1: {b: '${a1}'}", "seed: '${oc.select:a1,1}'"]
        case _:
            body = ["seed: " + "${oc.env:" * length + "}" * length]
    return _experiment("interpolations", "\n".join(["a0: xxxxxxxxxxxxxxxx", *body]), draw)


def _numbers(draw: random.Random) -> Case:
    digits = draw.choice((25, 299, 400, 4_400, 100_000))
    number = draw.choice(("", "-", "0x", "1.", "1e", ".")) + "9" * digits
    key = draw.choice(("seed", "parallel", "study.trials", "algorithm.eta", "algorithm.max_depth", "tracking.wait_s"))
    if draw.random() < 0.5:
        return Case("numbers", ("train", f"{key}={number}"))
    *above, last = key.split(".")
    return _experiment("numbers", "".join(f"{a}:\n  " for a in above) + f"{last}: {number}", draw)


def _controls(draw: random.Random) -> Case:
    character = draw.choice("\0\1\7\b\x1b\x7f\x85\u2028\u202e\ufeff")
    escaped = draw.choice((f"\\u{ord(character):04x}", "\\ud800"))
    match draw.randrange(6):
        case 0:
            return _experiment("controls", f'name: "a{escaped}b"', draw)
        case 1:
            return _experiment("controls", f'dataset: {{source: "small{escaped}.csv"}}', draw)
        case 2:
            return _experiment("controls", f'"na{escaped}me": 1', draw)
        case 3:
            return _experiment("controls", f"name: a{character}b", draw)
        case 4:
            typed = draw.choice((character, "\udc80", "\x1b[2J"))
            return Case("controls", ("train", f"name=a{typed}b", f"dataset.source=b{typed}"))
        case _:
            name = "a" + draw.choice("\x1b\x07\n\u202e") + "b"
            return Case("controls", ("train", *_OWN, "experiment=nowhere"), {f"conf/experiment/{name}.yaml": "{}"})


def _large(draw: random.Random) -> Case:
    match draw.randrange(4):
        case 0:
            text = "note: " + "x" * draw.choice((900_000, 3_000_000))
        case 1:
            text = "".join(f"k{n}: {n}\n" for n in range(draw.choice((20_000, 200_000))))
        case 2:
            text = "x: [" + "1," * 400_000 + "1]"
        case _:
            return Case("size", ("train", *_CHOSEN), special={_EXPERIMENT: "sparse"})
    return _experiment("size", text, draw)


def _garbage(draw: random.Random) -> Case:
    content = draw.choice(
        (draw.randbytes(draw.choice((1, 100, 100_000))), b"\xff\xfe" + b"a\0" * 500, b"\0" * 1000, b"%YAML 9.9\n--- {}")
    )
    odd = draw.choice(("", "!!python/object/apply:os.system [ls]", "? [a, b]\n: 1", "1: 2\n1.5: 3", "a: !!binary x"))
    return _experiment("garbage", odd, draw) if odd else Case("garbage", ("train", *_CHOSEN), {_EXPERIMENT: content})


def _typed(draw: random.Random) -> Case:
    depth = draw.choice((29, 35, 3_000))
    value = draw.choice(
        (
            "[" * depth + "]" * depth,
            "{a:" * depth + "1" + "}" * depth,
            "int(" * depth + "1" + ")" * depth,
            "${" * depth + "a" + "}" * depth,
            "choice(" * depth + "1" + ")" * depth,
            "[" + ",".join("1" * 1900) + "]",
            "'" * 3_001,
            "\\" * 3_001,
            "a," * 1500 + "a",
            "=" * 3_000,
        )
    )
    command = draw.choice((("train",), ("tune",), ("train", "-m")))
    key = draw.choice(("algorithm.eta", "name", "study.trials", "a." * draw.choice((40, 1500)) + "b", "dataset"))
    return Case("typed", (*command, f"{key}={value}"))


def _sources(draw: random.Random) -> Case:
    kind = draw.choice(sorted(_SPECIAL))
    match draw.randrange(7):
        case 0:
            return Case("sources", ("train", f"dataset.source={kind}", *_QUICK), special={kind: kind})
        case 1:
            return Case("sources", ("describe", kind, "--label", "price"), special={kind: kind})
        case 2:
            return Case("sources", ("predict", kind), special={kind: kind})
        case 3:
            return Case("sources", ("train", *_CHOSEN), special={_EXPERIMENT: kind})
        case 4:
            return Case("sources", ("train", *_OWN, "experiment=absent"), special={_EXPERIMENT: kind})
        case 5:
            return Case("sources", ("train", f"tracking.uri=sqlite:///{kind}", *_QUICK), special={kind: kind})
        case _:
            return Case("sources", ("train", "--config-dir", kind), special={kind: kind})


def _tables(draw: random.Random) -> Case:
    whole = gzip.compress(CSV.encode(), mtime=0)
    content = draw.choice(
        (
            b"\0" * 100_000,
            gzip.compress(b"a" * 40_000_000, mtime=0),
            gzip.compress(b"\0" * 40_000_000, mtime=0),
            whole[: draw.randrange(4, len(whole))],
            b"PAR1" + draw.randbytes(200),
            CSV.encode() + b'"' + b"x" * 500_000,
            CSV.encode().replace(b"27", b"\xff\xfe", 1),
            CSV.replace("27", "9" * 100_000, 1).encode(),
            b"price,area\n" * 3,
            b"price," + b"," * 200_000 + b"\n1,2\n",
            CSV.replace("27", "\x1b[2J", 1).encode(),
            draw.randbytes(5_000),
        )
    )
    command = draw.choice((("train", *_QUICK), ("describe", "small.csv", "--label", "price")))
    return Case("tables", command, {"small.csv": content})


def _memory(draw: random.Random) -> Case:
    return Case("memory", ("train", *_QUICK), memory_mb=draw.choice((1, 8, 24, 64)))


def _secrets(draw: random.Random) -> Iterator[Case]:
    """A secret of every form in every field of the configuration, on the command line, in YAML, in the environment."""
    fields = [*_leaves(compose([]).raw), "algorithm.api_token", "runner.password", "study.secret", "tracking.key"]
    draw.shuffle(fields)
    number = 0
    while True:
        for key in fields:
            number += 1
            core = f"Zq{draw.getrandbits(40):010x}X9"
            named = key.rpartition(".")[2] in ("api_token", "password", "secret", "key")
            forms = (
                f"http://bob:{core}@127.0.0.1:9/mlflow",
                f"https://127.0.0.1:9/x?a=1&access_token={core}",
                f"postgresql://bob:p/{core}#x@127.0.0.1:9/db",
                f"ghp_{core}{core}",
                f"sqlite:///record.db?password={core}",
            )
            value = core if named else forms[number % len(forms)]
            rest = _COMMANDS[number // 2 % len(_COMMANDS)]
            match number % 3:
                case 0:
                    yield Case("secrets", (*rest, *_QUICK, f'{key}="{value}"'), secrets=(core,))
                case 1:
                    *above, last = key.split(".")
                    text = "".join(f"{'  ' * n}{name}:\n" for n, name in enumerate(above))
                    text += f'{"  " * len(above)}{last}: "{value}"\n'
                    text = f"# @package _global_\n{text}"
                    yield Case("secrets", (*rest, *_QUICK, "experiment=hostile"), {_EXPERIMENT: text}, secrets=(core,))
                case _:
                    typed = f"{key}='${{oc.env:MY_PASSWORD}}'"
                    yield Case("secrets", (*rest, *_QUICK, typed), secrets=(core,), environment={"MY_PASSWORD": value})


def _leaves(values: object, path: str = "") -> Iterator[str]:
    if isinstance(values, Mapping) and values:
        for key, value in values.items():
            # Prices, and the columns of the dataset, are one field each.
            if path not in ("prices", "dataset.columns") or key == next(iter(values)):
                yield from _leaves(value, f"{path}.{key}" if path else str(key))
    elif str(path).replace(".", "").replace("_", "").isalnum():
        yield path


_KINDS = (_aliases, _deep, _interpolations, _numbers, _controls, _large, _garbage, _typed, _sources, _tables, _memory)
