from __future__ import annotations

import sys
from pathlib import Path

import pytest
import yaml

from housing.cli.commands import COMMANDS

ROOT = Path(__file__).parents[2]
PROJECT = yaml.safe_load((ROOT / "MLproject").read_text())


def test_every_command_that_changes_something_is_an_entry_point() -> None:
    assert set(PROJECT["entry_points"]) == {"main", "train", "tune", "promote", "deploy", "predict", "destroy"}


@pytest.mark.parametrize("name", list(PROJECT["entry_points"]))
def test_an_entry_point_runs_its_command_with_overrides(name: str) -> None:
    entry = PROJECT["entry_points"][name]
    words = entry["command"].split()
    assert words[:4] == ["python", "-P", "-m", "housing"]
    assert words[4] == {"main": "run"}.get(name, name)
    assert words[4] in COMMANDS
    assert words[-1] == "{overrides}"
    assert entry["parameters"]["overrides"]["default"] == ""


def test_the_main_entry_point_is_the_walkthrough() -> None:
    assert PROJECT["entry_points"]["main"]["parameters"]["experiment"]["default"] == "walkthrough"


def test_the_environment_pins_a_python_that_the_package_supports() -> None:
    environment = yaml.safe_load((ROOT / PROJECT["python_env"]).read_text())
    major, minor, _patch = map(int, environment["python"].split("."))
    assert (major, minor) == (3, 11) <= sys.version_info[:2]
    assert "-e ." in environment["dependencies"]
