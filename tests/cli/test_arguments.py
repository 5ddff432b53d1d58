from __future__ import annotations

from pathlib import Path

import pytest

from housing.cli.arguments import outdone, parse, split_overrides
from housing.cli.commands import COMMANDS
from housing.errors import ConfigError


def test_a_command_with_overrides_and_flags_in_any_order() -> None:
    request = parse(["train", "--config-dir", "conf", "algorithm.eta=0.1", "-m", "dataset=mine", "--json"])
    assert request.command == "train"
    assert request.overrides == ("algorithm.eta=0.1", "dataset=mine")
    assert request.config_dir == Path("conf")
    assert request.multirun
    assert request.json


@pytest.mark.parametrize(
    "argv",
    [
        ["train", "algorithm.eta=0.1", "seed=1", "name=a b"],
        ["train", "--algorithm.eta", "0.1", "--seed", "1", "--name", "a b"],
        ["train", "--algorithm.eta=0.1", "--seed=1", "--name=a b"],
        ["train", "algorithm.eta=0.1 seed=1 name=a b"],
        ["train", "", "algorithm.eta=0.1  seed=1 'name=a b'"],
    ],
    ids=["typed", "undeclared", "undeclared, with =", "in one argument", "quoted"],
)
def test_mlflow_run_passes_the_same_overrides_in_other_words(argv: list[str]) -> None:
    assert parse(argv).overrides == ("algorithm.eta=0.1", "seed=1", "name=a b")


def test_an_undeclared_parameter_may_be_a_choice() -> None:
    argv = ["train", "--dataset", "mine", "--target@runner", "local", "--experiment", "walkthrough"]
    assert parse(argv).overrides == ("dataset=mine", "target@runner=local", "experiment=walkthrough")


def test_a_negative_value_is_no_flag() -> None:
    assert parse(["train", "--algorithm.seed", "-1"]).overrides == ("algorithm.seed=-1",)


@pytest.mark.parametrize(
    ("text", "overrides"),
    [
        ("", []),
        ("  ", []),
        ("a=1", ["a=1"]),
        ("a=1 b.c=2", ["a=1", "b.c=2"]),
        ("a=[1, 2] b={x: 1, y: 2}", ["a=[1, 2]", "b={x: 1, y: 2}"]),
        ("a='x y' b=1", ["a='x y'", "b=1"]),
        ("'a=x y' b=1", ["a=x y", "b=1"]),
        ("a=x y z b=1", ["a=x y z", "b=1"]),
        ("a=choice(1, 2) ~b.c +d=1 ++e=2", ["a=choice(1, 2)", "~b.c", "+d=1", "++e=2"]),
        ("target@runner=local dataset=mine", ["target@runner=local", "dataset=mine"]),
        ("a=[1", ["a=[1"]),
        ("a='x", ["a='x"]),
    ],
)
def test_several_overrides_in_one_argument(text: str, overrides: list[str]) -> None:
    assert split_overrides(text) == overrides


def test_an_override_that_a_later_one_of_its_key_outdoes_is_told() -> None:
    typed = ("dataset=ames", "seed=1", "~search_space.eta", "+seed=2", "dataset=ames", "seed=2", "study.trials=3")
    assert list(outdone(typed)) == [("seed=1", "seed=2")]
    assert list(outdone(("dataset=ames", "dataset=mine"))) == [("dataset=ames", "dataset=mine")]


@pytest.mark.parametrize(
    ("argv", "argument", "overrides"),
    [
        (["predict", "rows.csv", "name=x"], "rows.csv", ("name=x",)),
        (["predict", "name=x", "rows.csv"], "rows.csv", ("name=x",)),
        (["status"], None, ()),
        (["status", "housing-endpoint"], "housing-endpoint", ()),
        (["lineage", "housing-endpoint"], "housing-endpoint", ()),
    ],
)
def test_the_word_a_command_takes(argv: list[str], argument: str | None, overrides: tuple[str, ...]) -> None:
    request = parse(argv)
    assert (request.argument, request.overrides) == (argument, overrides)


def test_a_file_may_have_an_equals_sign_in_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("a=b.csv").write_text("")
    assert parse(["predict", "a=b.csv"]).argument == "a=b.csv"


@pytest.mark.parametrize(
    ("argv", "told"),
    [
        (["trian"], "did you mean train?"),
        (["frobnicate"], "available: run, train"),
        (["algorithm.eta=1"], "housing train algorithm.eta=1"),
        (["train", "--confg-dir", "x"], "did you mean --config-dir?"),
        (["train", "--config-dir"], "needs a value after it"),
        (["train", "--sed", "3"], "did you mean seed=<value>?"),
        (["train", "--zzzzzz"], "it has --config-dir"),
        (["train", "-x"], "-x"),
        (["train", "--cfg", "jb"], "did you mean job?"),
        (["deploy", "-m"], "only train, tune have it"),
        (["deploy", "--detailed-exitcode"], "only plan, monitor have it"),
        (["predict"], "needs FILE"),
        (["lineage"], "needs ENDPOINT"),
        (["describe", "a.csv"], "needs the column to predict"),
        (["describe", "a.csv", "--label", "x", "seed=1"], "takes no overrides"),
    ],
)
def test_what_does_not_exist_is_refused_with_the_way_out(argv: list[str], told: str) -> None:
    with pytest.raises(ConfigError) as raised:
        parse(argv)
    assert told in str(raised.value)


@pytest.mark.parametrize("argv", [[], ["--help"], ["-h"], ["help"]])
def test_help_of_the_whole(argv: list[str]) -> None:
    assert parse(argv).help
    assert parse(argv).command is None


@pytest.mark.parametrize("name", list(COMMANDS))
def test_help_of_a_command_needs_nothing_else(name: str) -> None:
    for argv in ([name, "--help"], [name, "-h"], ["help", name]):
        request = parse(argv)
        assert request.help
        assert request.command == name


@pytest.mark.parametrize("source", ["s3://mine/rows.csv", "rows.csv"])
def test_a_batch_is_of_a_file_here_or_there(source: str) -> None:
    request = parse(["predict", "--batch", source, "--output", "answers.csv"])
    assert (request.batch, request.output) == (source, Path("answers.csv"))
