"""Requests for scripts and images of the user's, held to AWS's own model of them; and a study of a script."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import botocore.session
import pytest
from botocore.validate import ParamValidator

from housing.algorithms.own_code import Image, Program
from housing.errors import ConfigError
from housing.targets.managed import ManagedJob, ManagedStudy
from housing.targets.sagemaker.settings import Settings
from housing.targets.sagemaker.staging import Staged
from housing.targets.sagemaker.training.container import container_of
from housing.targets.sagemaker.training.reading import values
from housing.targets.sagemaker.training.requests import JobResources, training_request
from housing.targets.sagemaker.training.runner import SageMakerRunner
from housing.targets.sagemaker.training.tuning import tuning_request
from housing.testing.runner import channel
from housing.testing.scripts import linear
from housing.training.job import TrainingJob
from housing.tuning.space import Categorical, Float
from housing.tuning.spec import Study

RESOURCES = JobResources(
    image="123456789012.dkr.ecr.us-east-1.amazonaws.com/mine:1",
    role_arn="arn:aws:iam::123456789012:role/housing",
    folder="s3://bucket/housing",
    region="us-east-1",
    code="s3://bucket/housing/code/1.tar.gz",
)
IMAGE = Image(
    RESOURCES.image, {"validation_mae": "mae=([0-9.]+)"}, entry_point=("python", "fit.py"), arguments=("--all",)
)
SPACE = {"rate": Float(0.1, 0.9), "loss": Categorical(("l1", "l2")), "log_label": Categorical((True, False))}


QUESTION = {"HOUSING_LABEL_TRANSFORM": "none", "HOUSING_TASK": "regression", "HOUSING_LEVELS": "0"}


def job(code: Program | Image, **changed: Any) -> TrainingJob:
    channels = {name: Staged(name, f"s3://bucket/{name}.csv") for name in ("train", "validation")}
    kind = "script" if isinstance(code, Program) else "container"
    made = TrainingJob("t07", kind, {"rate": 0.5, "loss": "l1", "log_label": True}, channels, seed=3, code=code)
    return replace(made, handle="housing-1", **changed)


def is_valid(operation: str, request: dict[str, Any]) -> None:
    model = botocore.session.get_session().get_service_model("sagemaker").operation_model(operation)
    report = ParamValidator().validate(request, model.input_shape)
    assert not report.has_errors(), report.generate_report()


def test_a_script_runs_in_its_framework_s_image_with_its_folder_staged() -> None:
    request = training_request(job(linear(), label_transform="log"), Settings(), RESOURCES)
    is_valid("CreateTrainingJob", request)
    assert request["HyperParameters"] == {
        "rate": "0.5",
        "loss": '"l1"',
        "log_label": "true",
        "sagemaker_program": '"train.py"',
        "sagemaker_submit_directory": f'"{RESOURCES.code}"',
        "sagemaker_region": '"us-east-1"',
    }
    definitions = request["AlgorithmSpecification"]["MetricDefinitions"]
    assert {"Name": "validation_mae", "Regex": r"validation-mae: ([0-9.e+-]+)"} in definitions
    assert request["Environment"] == QUESTION | {"HOUSING_LABEL_TRANSFORM": "log"}


def test_an_image_gets_plain_text_and_its_own_entry_point() -> None:
    request = training_request(job(IMAGE), Settings(), RESOURCES)
    is_valid("CreateTrainingJob", request)
    assert request["HyperParameters"] == {"rate": "0.5", "loss": "l1", "log_label": "true"}
    assert request["AlgorithmSpecification"] == {
        "TrainingImage": RESOURCES.image,
        "TrainingInputMode": "File",
        "ContainerEntrypoint": ["python", "fit.py"],
        "ContainerArguments": ["--all"],
        "MetricDefinitions": [{"Name": "validation_mae", "Regex": "mae=([0-9.]+)"}],
    }


def managed_study(code: Program | Image) -> ManagedStudy:
    return ManagedStudy("housing-study", Study("s", "random", trials=4, objective="validation_mae"), SPACE, job(code))


def test_a_tuning_job_runs_an_image_as_it_is() -> None:
    with pytest.raises(ConfigError, match=r"takes neither entry_point nor arguments.*study\.engine=optuna"):
        tuning_request(managed_study(IMAGE), Settings(), RESOURCES)


@pytest.mark.parametrize(
    ("code", "choices"),
    [(linear(), ['"l1"', '"l2"']), (replace(IMAGE, entry_point=(), arguments=()), ["l1", "l2"])],
)
def test_a_tuning_job_proposes_values_as_the_code_reads_them(code: Program | Image, choices: list[str]) -> None:
    managed = managed_study(code)
    request = tuning_request(managed, Settings(), RESOURCES)
    is_valid("CreateHyperParameterTuningJob", request)
    ranges = request["HyperParameterTuningJobConfig"]["ParameterRanges"]["CategoricalParameterRanges"]
    assert ranges == [
        {"Name": "loss", "Values": choices},
        {"Name": "log_label", "Values": ["true", "false"]},
    ]
    assert (
        request["HyperParameterTuningJobConfig"]["HyperParameterTuningJobObjective"]["MetricName"] == "validation_mae"
    )
    assert request["TrainingJobDefinition"]["Environment"] == QUESTION


def test_what_a_script_was_told_is_read_back_as_it_was() -> None:
    sent = training_request(job(linear()), Settings(), RESOURCES)["HyperParameters"]
    assert values(sent, "script") == {"rate": 0.5, "loss": "l1", "log_label": True}


def test_hyperband_knows_which_hyperparameter_counts_a_script_s_rounds() -> None:
    shared = job(linear(rounds="rounds"), hyperparameters={"rounds": 30})
    managed = ManagedStudy(
        "s",
        Study("s", "random", trials=4, pruner="hyperband", prune_after=5, objective="validation_mae"),
        SPACE,
        shared,
    )
    config = tuning_request(managed, Settings(), RESOURCES)["HyperParameterTuningJobConfig"]["StrategyConfig"]
    assert config == {"HyperbandStrategyConfig": {"MinResource": 5, "MaxResource": 30}}


def test_the_framework_s_image_is_looked_up_by_its_versions() -> None:
    found = container_of("script", linear()).image(Settings(), "eu-central-1")
    assert found.endswith("eu-central-1.amazonaws.com/sagemaker-scikit-learn:1.9-0-cpu-py3")
    with pytest.raises(ConfigError, match="framework_version"):
        container_of("script", linear(framework_version="9.9-9")).image(Settings(), "eu-central-1")


def test_a_study_of_a_script_runs_as_a_tuning_job(runner: SageMakerRunner) -> None:
    channels = {name: runner.stage(channel(name, seed)) for name, seed in (("train", 1), ("validation", 2))}
    shared = TrainingJob("job", "script", {"rounds": 5, "rate": 0.5}, channels, seed=0, code=linear())
    handle = runner.study_handle()
    study = ManagedStudy(
        handle,
        Study("s", "random", trials=2, parallel=2, objective="validation_mae"),
        {"rate": Float(0.1, 0.9)},
        shared,
    )
    seen: dict[int, ManagedJob] = {}

    def watch(changed: ManagedJob) -> bool:
        seen[changed.number] = changed
        return False

    runner.search(study, watch)
    assert [seen[number].state for number in sorted(seen)] == ["complete", "complete"]
    for each in seen.values():
        assert each.result is not None
        assert len(each.result.history["validation_mae"]) == 5
        assert 0.1 <= json.loads(json.dumps(each.hyperparameters["rate"])) <= 0.9
