from __future__ import annotations

import random
import shlex
from pathlib import Path

import pytest

from housing.cli.arguments import parse
from housing.config.load import compose
from housing.shell import command, setting
from tests.config.conftest import DATASET

TEXTS = [
    *("40401025", "9e142612", "1e5", "007", "0x1f", "true", "null", "Off", "nan", ".5", "-3", "1:30", "", " "),
    *("1626b0c1", "0b01"),
    *("a b", "two  blanks", "it's", 'say "hi"', "a=b", "$HOME", "${x}", "\\${x}", "C:\\new\\", "\\", "\\'", '\\"'),
    *("a,b", "[a]", "{a: b}", "f(x)", "a#b", "a;b", "*", "~", "~/x", "!x", "%s", "größe", "数据", "/tmp/a-b/c.csv"),
]


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A conf/ whose small dataset hides our large one."""
    folder = tmp_path_factory.mktemp("with a blank") / "conf"
    (folder / "dataset").mkdir(parents=True)
    (folder / "dataset" / "ames.yaml").write_text(DATASET)
    return folder


def test_texts_come_back_through_shell_and_configuration(small: Path) -> None:
    chance = random.Random(3)
    letters = "a1e.\\'\"${}[](),:=# ~-ü\t@%+*"
    texts = [*TEXTS, *("".join(chance.choices(letters, k=chance.randint(1, 9))) for _ in range(300))]
    written = command(
        "train", *(setting(f"any.t{i}", text) for i, text in enumerate(texts)), "--config-dir", str(small)
    )
    request = parse(shlex.split(written)[1:])
    raw = compose(request.overrides, request.config_dir).raw
    assert list(raw["any"].values()) == texts


def test_what_needs_no_quotes_has_none() -> None:
    assert command("promote", setting("candidate", "a3f2b1c0")) == "housing promote candidate=a3f2b1c0"
    assert setting("candidate", "1626b0c1") == "candidate=1626b0c1"
    assert command("predict", "my rows.csv") == "housing predict 'my rows.csv'"
