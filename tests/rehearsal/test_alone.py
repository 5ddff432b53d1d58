"""The rehearsal served where nothing of the rest of housing, and none of what that requires, can be imported."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

_ALONE = """
import sys

ALLOWED = ("housing.rehearsal",)
FOREIGN = ("mlflow", "hydra", "omegaconf", "optuna", "pydantic", "rich", "cmaes", "sagemaker", "ray", "lightgbm")

class Refuse:
    def find_spec(self, name, path=None, target=None):
        top = name.partition(".")[0]
        ours = top == "housing" and name != "housing" and not name.startswith(ALLOWED)
        if ours or top in FOREIGN:
            raise ModuleNotFoundError(f"not here: {name}", name=name)
        return None

sys.meta_path.insert(0, Refuse())
from housing.rehearsal import application, errors, process, server, spec
print(sorted(n for n in sys.modules if n.startswith("housing.") and not n.startswith(ALLOWED)))
"""


def test_it_imports_nothing_of_the_rest(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-P", "-c", _ALONE], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout.strip()) == (0, "[]"), done.stderr
