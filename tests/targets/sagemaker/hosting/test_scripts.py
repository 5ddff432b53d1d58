"""Models of training scripts behind SageMaker's endpoints, against a rehearsal over HTTP."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from housing.algorithms.script import pack
from housing.deployment.spec import Deployment, Variant
from housing.errors import DeploymentError
from housing.targets.sagemaker.hosting import archive
from housing.targets.sagemaker.hosting.host import SageMakerHost
from housing.testing.host import GOOD, OTHER, ROWS, deploy
from housing.testing.models import price_bundle
from housing.training.artifact import write_bundle
from housing.training.predictor import Predictor

SCRIPT = b"""
from pathlib import Path
def model_fn(folder):
    return float(Path(folder, "factor").read_text())
def predict_fn(rows, model):
    return rows[:, 0] * model
"""
ABOUT = (
    b'{"entry_point": "train.py", "requirements": "needs.txt", "framework": "sklearn", "framework_version": "1.9-0",'
    b' "py_version": "py3"}'
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bundle of a script's model: 123 dollars a unit of Area."""
    files = {"factor": b"123", "code/train.py": SCRIPT, "code/needs.txt": b"numpy # any\n", "code/program.json": ABOUT}
    folder = tmp_path_factory.mktemp("script") / "bundle"
    write_bundle(folder, replace(price_bundle(), algorithm="script", model=pack(files), model_format="tar.gz"))
    return folder


def test_a_script_s_model_answers_raw_rows_beside_one_of_xgboost(
    host: SageMakerHost, folder: Path, models: dict[str, Path]
) -> None:
    both = Deployment("house", {"champion": Variant(GOOD), "challenger": Variant(OTHER)})
    deploy(host, both, {GOOD: models[GOOD], OTHER: folder})
    answers = host.predict("house", ROWS, "challenger").values
    assert list(answers) == Predictor.load(folder).predict_csv(ROWS).values.tolist()
    assert host.predict("house", ROWS, "champion").values != answers


def test_only_xgboost_s_models_answer_encoded_rows(folder: Path) -> None:
    with pytest.raises(DeploymentError, match=r"deployment\.interface=raw"):
        archive.archive(folder, "encoded")


def test_the_model_of_an_image_is_not_served(tmp_path: Path) -> None:
    write_bundle(tmp_path / "bundle", replace(price_bundle(), algorithm="container", model=b"x", model_format="tar.gz"))
    with pytest.raises(DeploymentError, match="answers in its own image only"):
        archive.archive(tmp_path / "bundle", "raw")
