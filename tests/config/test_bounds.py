"""What is too large or too deep is refused by its rule, before anything tries to work it out."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from housing.config import bounds
from housing.config.files import check_file
from housing.config.load import compose, config_hash, load
from housing.data.source_spec import source_text
from housing.errors import ConfigError
from tests.config.conftest import Write


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("a: &a [1, 1]\nb: &b [*a, *a, *a, *a]\n" + "".join(f"c{n}: [*b, *b, *b, *b]\n" for n in range(900)), "values"),
        ("a0: &a0 [1]\n" + "".join(f"a{n + 1}: &a{n + 1} [*a{n}, *a{n}]\n" for n in range(40)), "values"),
        ("x: " + "[" * 31 + "]" * 31, "30 levels"),
        ("x: " + "[" * 3000 + "]" * 3000, "30 levels"),
        ("x:\n  " + "- " * 3000 + "1", "30 levels"),
        ("x: " + "{a: " * 3000 + "1" + "}" * 3000, "30 levels"),
        ("seed: " + "9" * 100_000, "100,000 digits"),
        ("x: " + "y" * bounds.MOST_BYTES, "bytes"),
        ("".join(f"a{n}: ${{seed}}\n" for n in range(501)), "501 interpolations"),
    ],
    ids=("aliases", "aliases of aliases", "levels", "list", "sequence", "mapping", "digits", "bytes", "interpolations"),
)
def test_a_file_beyond_a_bound_is_refused(text: str, rule: str, tmp_path: Path) -> None:
    file = tmp_path / "x.yaml"
    file.write_text(text)
    with pytest.raises(ValueError, match=rule):
        check_file(file)


def test_a_wide_dataset_is_within_the_bounds(tmp_path: Path) -> None:
    file = tmp_path / "wide.yaml"
    file.write_text("columns:\n" + "".join(f"  column_{n}: {{kind: numeric, low: 0}}\n" for n in range(3000)))
    check_file(file)


@pytest.mark.parametrize(
    ("token", "rule"),
    [
        ("algorithm.eta=" + "[" * 31 + "]" * 31, "31 brackets"),
        ("algorithm.eta=" + "{a:" * 31 + "1" + "}" * 31, "31 brackets"),
        ("seed=" + "9" * 301, "301 digits"),
        ("name=" + "x" * 4000, "4,005 characters"),
        ("name=a\0b", "U\\+0000"),
        ("name=a\udc80b", "U\\+DC80"),
    ],
)
def test_an_override_beyond_a_bound_is_refused(token: str, rule: str) -> None:
    with pytest.raises(ConfigError, match=rule) as refused:
        compose([token])
    assert "command line" in str(refused.value)


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("a0: xy\n" + "".join(f"a{n + 1}: '{f'${{a{n}}}' * 9}'\n" for n in range(12)), "a12.*too large"),
        ("a0: xy\n" + "".join(f"a{n + 1}: {{k: '${{a{n}}}', l: '${{a{n}}}'}}\n" for n in range(18)), "too large"),
        ("a0: xy\n" + "".join(f"a{n + 1}: ${{a{n}}}\n" for n in range(40)), "a21.*20 references"),
        ("a: ${b}\nb: ${a}\n", "refers to itself"),
        ("a: {b: '${a}'}\n", "to parent node"),
        ("a: {b: {c: '${..b}'}}\n", "to parent node"),
        ('name: "a\\0b"\n', "name.*U\\+0000"),
        ('"na\\u0007me": 1\n', "key that holds the control character U\\+0007"),
    ],
    ids=("texts", "mappings", "chain", "circle", "inside itself", "relative", "NUL", "key"),
)
def test_values_that_cannot_be_worked_out_are_refused(text: str, rule: str, write: Write, project: Path) -> None:
    write("experiment/hostile.yaml", f"# @package _global_\n{text}")
    with pytest.raises(ConfigError, match=f"(?s){rule}"):
        load(["experiment=hostile", "dataset=mine"], project)


def test_a_pipe_among_the_files_is_no_option_and_is_not_waited_for(write: Write, project: Path) -> None:
    write("experiment/whole.yaml", "# @package _global_\nseed: 1\n")
    os.mkfifo(project / "experiment" / "pipe.yaml")
    assert load(["experiment=whole", "dataset=mine"], project).seed == 1
    with pytest.raises(ConfigError, match="no such option; available: best, blend, portfolio, walkthrough, whole"):
        load(["experiment=pipe", "dataset=mine"], project)


def test_a_large_file_that_nobody_chose_is_nobodys_fault(write: Write, project: Path) -> None:
    write("experiment/large.yaml", "# @package _global_\nx: " + "y" * bounds.MOST_BYTES)
    assert load(["dataset=mine"], project).dataset.name == "mine"
    with pytest.raises(ConfigError, match=r"large.yaml\n    has 1,000,023 bytes"):
        load(["experiment=large", "dataset=mine"], project)


def test_a_list_for_a_key_is_a_fault_of_the_file(write: Write, project: Path) -> None:
    write("experiment/odd.yaml", "# @package _global_\n? [a, b]\n: 1\n")
    with pytest.raises(ConfigError, match=r"odd.yaml:2\n    has a list or a mapping as a key"):
        load(["experiment=odd", "dataset=mine"], project)


def test_what_is_shown_of_a_configuration_has_no_secret_and_its_hash_none_either(project: Path) -> None:
    def composed(password: str) -> tuple[str, str]:
        overrides = [
            "dataset=mine",
            f"tracking.uri=http://bob:{password}@c",
            f"dataset.label_unit='password={password}'",
        ]
        found = compose(overrides, project)
        experiment = load(overrides, project)
        assert password in experiment.tracking.uri
        return found.yaml, config_hash(experiment)

    first, second = composed("s3same-Bun"), composed("P0ppy-Roll")
    assert first == second
    assert "http://***@c" in first[0]


def test_a_password_of_a_database_comes_from_the_environment_and_is_shown_nowhere(
    write: Write, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = (project / "dataset" / "mine.yaml").read_text()
    source = "source: {sql: {url: '%s', table: sales}}"
    write("dataset/mine.yaml", text.replace("source: mine.csv", source % "postgresql://bob:s3same-Bun@host/shop"))
    with pytest.raises(
        ConfigError, match=r"sql\.url = \"\*\*\*\".*mine.yaml:2\)\n    must not hold a password"
    ) as told:
        load(["dataset=mine"], project)
    assert "Bun" not in str(told.value)
    monkeypatch.setenv("SHOP_URL", "postgresql://bob:s3same-Bun@host/shop")
    write("dataset/mine.yaml", text.replace("source: mine.csv", source % "${oc.env:SHOP_URL}"))
    experiment = load(["dataset=mine"], project)
    assert "s3same-Bun" in str(experiment.dataset.source)
    assert "Bun" not in compose(["dataset=mine"], project).yaml
    assert source_text(experiment.dataset.source) == "postgresql://host/shop, table sales"


def test_a_source_may_be_a_list_or_parts(write: Write, project: Path) -> None:
    text = (project / "dataset" / "mine.yaml").read_text()
    write("dataset/mine.yaml", text.replace("source: mine.csv", "source: [a.csv, b.csv]"))
    assert load(["dataset=mine"], project).dataset.source == ("a.csv", "b.csv")
    parts = "source: {parts: {train: a.csv, validation: [b.csv, c.csv]}}"
    write("dataset/mine.yaml", text.replace("source: mine.csv", parts).partition("split:")[0])
    assert source_text(load(["dataset=mine"], project).dataset.source) == "train: a.csv; validation: b.csv, c.csv"
    write("dataset/mine.yaml", text.replace("source: mine.csv", "source: {parts: {trian: a.csv}, sql: 3}"))
    with pytest.raises(ConfigError, match=r"dataset\.source\.parts\.train  .*\n    is required") as told:
        load(["dataset=mine"], project)
    assert "dataset.source.parts.trian" in str(told.value)
