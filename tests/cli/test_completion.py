from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from housing.cli.commands import COMMANDS
from housing.cli.completion import SHELLS, candidates, script


def test_a_command_is_completed() -> None:
    assert candidates(["tr"]) == ["train"]
    assert set(COMMANDS) < set(candidates([""]))
    assert candidates(["nonsense", ""]) == []


@pytest.mark.parametrize(
    ("words", "some"),
    [
        (["train", "--mul"], ["--multirun"]),
        (["train", "data"], ["dataset="]),
        (["train", "dataset=p"], ["dataset=penguins"]),
        (["train", "target@runner=l"], ["target@runner=local"]),
        (["train", "seed"], ["seed="]),
        (["tune", "study.tri"], ["study.trials="]),
        (["train", "algorithm.max_d"], ["algorithm.max_depth="]),
        (["tune", "search_space=nar"], ["search_space=narrow"]),
        (["tune", "algorithm=lightgbm", "search_space=qu"], ["search_space=quick"]),
        (["tune", "study.sampler=c"], ["study.sampler=cmaes"]),
        (["train", "algorithm.tree_method=h"], ["algorithm.tree_method=hist"]),
        (["train", "runner.spot.enabled="], ["runner.spot.enabled=false", "runner.spot.enabled=true"]),
        (["train", "--cfg", ""], ["all", "hydra", "job"]),
        (["rehearsal", "st"], ["start", "status", "stop"]),
        (["completion", ""], sorted(SHELLS)),
    ],
)
def test_what_comes_next_is_completed(words: list[str], some: list[str]) -> None:
    assert [word for word in candidates(words) if word in some] == some


def test_options_of_a_folder_of_one_s_own_are_completed(tmp_path: Path) -> None:
    (tmp_path / "dataset").mkdir()
    (tmp_path / "dataset" / "parcels.yaml").write_text("name: parcels\n")
    assert candidates(["train", "--config-dir", str(tmp_path), "dataset=pa"]) == ["dataset=parcels"]
    assert "dataset=penguins" in candidates(["train", f"--config-dir={tmp_path}", "dataset="])


def test_a_key_is_offered_down_to_the_next_dot() -> None:
    found = candidates(["train", "study."])
    assert "study.trials=" in found
    assert all(word.count(".") <= 1 or word.endswith(".") for word in found)


def test_it_imports_nothing_heavy() -> None:
    asked = "import sys; from housing.cli.completion import candidates; candidates(['tune', 'study.']); "
    asked += "print({name.partition('.')[0] for name in sys.modules} & {'mlflow', 'hydra', 'numpy', 'yaml'})"
    found = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True, timeout=300)
    assert found.stdout.strip() == "set()"


@pytest.mark.parametrize("shell", SHELLS)
def test_every_shell_has_a_script_that_asks_for_words(shell: str) -> None:
    assert "housing completion --words" in script(shell)


def test_bash_completes_a_value_after_the_sign_at_which_it_divides_words(tmp_path: Path) -> None:
    program = tmp_path / "housing"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m housing "$@"\n')
    program.chmod(0o755)
    asked = f"""\
{script("bash")}
COMP_LINE="housing train dataset=pen"; COMP_POINT=${{#COMP_LINE}}
COMP_WORDS=(housing train dataset = pen); COMP_CWORD=4
_housing; printf '%s\\n' "${{COMPREPLY[@]}}"
"""
    environment = {"PATH": f"{tmp_path}:/usr/bin:/bin"}
    found = subprocess.run(
        ["bash", "-c", asked], check=False, env=environment, capture_output=True, text=True, timeout=300
    )
    assert found.stdout.splitlines() == ["penguins"], found.stderr
