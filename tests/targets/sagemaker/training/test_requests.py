"""Every request against AWS's own service model: names, types, patterns, enums and ranges; no rehearsal here."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import botocore.session
import pytest
from hypothesis import given
from hypothesis import strategies as st

from housing.algorithms.own_code import Image, Program
from housing.errors import ConfigError
from housing.targets.managed import ManagedStudy
from housing.targets.sagemaker.containers import JobResources, text
from housing.targets.sagemaker.names import job_name, study_name
from housing.targets.sagemaker.settings import Settings, Spot, Vpc
from housing.targets.sagemaker.staging import Staged
from housing.targets.sagemaker.training.container import container_of
from housing.targets.sagemaker.training.requests import tag_value, training_request
from housing.targets.sagemaker.training.tuning import faults, tuning_request
from housing.training.job import TrainingJob
from housing.tuning.space import Categorical, Condition, Float, Int, SearchSpace
from housing.tuning.spec import Study

MODEL = botocore.session.get_session().get_service_model("sagemaker")
RESOURCES = JobResources(
    "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:3.2-0",
    "arn:aws:iam::123456789012:role/housing",
    "s3://bucket/housing",
    "us-east-1",
)
CHANNELS = {name: Staged(name, f"s3://bucket/housing/channels/{name}.csv") for name in ("train", "validation")}
JOB = TrainingJob(
    "job",
    "xgboost",
    {"num_round": 20, "eta": 0.5, "eval_metric": ("mae", "rmse"), "booster": "gbtree"},
    CHANNELS,
    seed=7,
    handle="housing-20260101-120000-000-abcd",
    tags={"housing:run": "r1"},
)
PROGRAM = Program("train.py", b"tar", "scikit-learn", "1.4-2", "py3", {"validation_mae": r"mae=(\S+)"})
IMAGE = Image("123456789012.dkr.ecr.us-east-1.amazonaws.com/own:1", {}, ("python", "train.py"), ("--fast",))
SPACE: SearchSpace = {
    "eta": Float(0.01, 0.5, log=True),
    "max_depth": Int(2, 9),
    "gamma": Float(0, 5),
    "alpha": Categorical((1.5,)),
}
XGBOOST = container_of("xgboost")
STUDY = ManagedStudy(
    "housing-260101120000-abcdef", Study("walkthrough", "tpe", 9, parallel=3, objective="validation_mae"), SPACE, JOB
)


def valid(operation: str, request: dict[str, Any]) -> dict[str, Any]:
    """The request, once it is known to hold nothing that AWS refuses by its model."""
    shape = MODEL.operation_model(operation).input_shape
    report = botocore.validate.ParamValidator().validate(request, shape)
    assert not report.has_errors(), report.generate_report()
    _within(shape, request, operation)
    return request


def _within(shape: Any, value: Any, path: str) -> None:
    if shape.type_name == "structure":
        for name, member in value.items():
            _within(shape.members[name], member, f"{path}.{name}")
    elif shape.type_name == "list":
        for i, member in enumerate(value):
            _within(shape.member, member, f"{path}[{i}]")
    elif shape.type_name == "map":
        for name, member in value.items():
            _within(shape.key, name, f"{path}.{name}")
            _within(shape.value, member, f"{path}.{name}")
    rules = shape.metadata
    size = value if isinstance(value, int | float) else len(value)
    assert rules.get("min", size) <= size <= rules.get("max", size), path
    if isinstance(value, str):
        assert not shape.enum or value in shape.enum, path
        pattern = rules.get("pattern", ".*").replace(r"\p{L}\p{Z}\p{N}", r"\w\s")
        assert re.fullmatch(pattern, value), f"{path}: {value!r} is not {pattern}"


def test_a_training_job_says_all_that_the_walkthrough_says() -> None:
    request = valid("CreateTrainingJob", training_request(JOB, Settings(), RESOURCES))
    assert request["HyperParameters"] == {
        "num_round": "20",
        "eta": "0.5",
        "eval_metric": "mae,rmse",
        "booster": "gbtree",
        "seed": "7",
        "objective": "reg:squarederror",
        "save_model_on_termination": "true",
    }
    assert [channel["ChannelName"] for channel in request["InputDataConfig"]] == ["train", "validation"]
    assert {channel["ContentType"] for channel in request["InputDataConfig"]} == {"text/csv"}
    assert request["ResourceConfig"] == {"InstanceType": "ml.m5.2xlarge", "InstanceCount": 1, "VolumeSizeInGB": 5}
    assert request["StoppingCondition"] == {"MaxRuntimeInSeconds": 3600}
    assert "EnableManagedSpotTraining" not in request
    assert {tag["Key"]: tag["Value"] for tag in request["Tags"]} == {
        "housing:run": "r1",
        "housing:algorithm": "xgboost",
        "housing:label_transform": "none",
        "housing:task": "regression",
        "housing:levels": "0",
    }


def test_spot_waits_and_keeps_checkpoints_under_the_job_s_name() -> None:
    settings = Settings(spot=Spot(enabled=True))
    request = valid("CreateTrainingJob", training_request(JOB, settings, RESOURCES))
    assert request["EnableManagedSpotTraining"] is True
    assert request["StoppingCondition"] == {"MaxRuntimeInSeconds": 3600, "MaxWaitTimeInSeconds": 7200}
    assert request["CheckpointConfig"] == {"S3Uri": f"s3://bucket/housing/checkpoints/{JOB.handle}"}
    loses = Settings(spot=Spot(enabled=True, checkpoints=False, lose_work=True))
    assert "CheckpointConfig" not in valid("CreateTrainingJob", training_request(JOB, loses, RESOURCES))


def test_encryption_and_network_reach_every_part() -> None:
    key = "arn:aws:kms:us-east-1:123456789012:key/1234abcd"
    settings = Settings(kms_key=key, vpc=Vpc(("subnet-1",), ("sg-1", "sg-2")), tags={"team": "a, b"})
    request = valid("CreateTrainingJob", training_request(JOB, settings, RESOURCES))
    assert request["OutputDataConfig"]["KmsKeyId"] == request["ResourceConfig"]["VolumeKmsKeyId"] == key
    assert request["VpcConfig"] == {"Subnets": ["subnet-1"], "SecurityGroupIds": ["sg-1", "sg-2"]}
    assert {"Key": "team", "Value": "a_ b"} in request["Tags"]


def test_several_instances_would_train_each_row_several_times() -> None:
    with pytest.raises(ConfigError, match=r"instance_count: 2 instances would each train on every row"):
        training_request(JOB, Settings(instance_count=2), RESOURCES)


def test_a_script_is_told_where_it_is() -> None:
    job = replace(JOB, algorithm="script", code=PROGRAM, hyperparameters={"alpha": 0.5, "columns": ["a", "b"]})
    resources = replace(RESOURCES, code="s3://bucket/housing/code/x/sourcedir.tar.gz")
    request = valid("CreateTrainingJob", training_request(job, Settings(instance_count=2), resources))
    assert request["HyperParameters"] == {
        "alpha": "0.5",
        "columns": '["a", "b"]',
        "sagemaker_program": '"train.py"',
        "sagemaker_submit_directory": '"s3://bucket/housing/code/x/sourcedir.tar.gz"',
        "sagemaker_region": '"us-east-1"',
    }
    assert request["AlgorithmSpecification"]["MetricDefinitions"] == [{"Name": "validation_mae", "Regex": r"mae=(\S+)"}]


def test_an_image_keeps_its_entry_point_and_arguments() -> None:
    job = replace(JOB, algorithm="container", code=IMAGE, hyperparameters={"depth": 3})
    request = valid("CreateTrainingJob", training_request(job, Settings(), replace(RESOURCES, image=IMAGE.image)))
    specification = request["AlgorithmSpecification"]
    assert specification["TrainingImage"] == IMAGE.image
    assert specification["ContainerEntrypoint"] == ["python", "train.py"]
    assert specification["ContainerArguments"] == ["--fast"]


@given(st.one_of(st.integers(), st.floats(allow_nan=False), st.booleans(), st.text("abc:", min_size=1)))
def test_a_value_reads_back_from_its_text(value: Any) -> None:
    told = text(value)
    if isinstance(value, bool):
        assert told in ("true", "false")
    else:
        assert type(value)(told) == value


@given(st.text(max_size=400))
def test_a_tag_s_value_is_what_aws_allows(value: str) -> None:
    assert re.fullmatch(r"[\w\s.:/=+\-@]{0,256}", tag_value(value))


@pytest.mark.parametrize("prefix", ["a", "housing", "x" * 32, "a-b-c-d-e-f-g-h"])
def test_names_are_new_and_fit(prefix: str) -> None:
    for make, shape in ((job_name, "TrainingJobName"), (study_name, "HyperParameterTuningJobName")):
        names = {make(prefix) for _ in range(50)}
        assert len(names) == 50
        for name in names:
            _within(MODEL.shape_for(shape), name, shape)


def test_a_tuning_job_is_the_walkthrough_s() -> None:
    request = valid(
        "CreateHyperParameterTuningJob", tuning_request(STUDY, Settings(spot=Spot(enabled=True)), RESOURCES)
    )
    config = request["HyperParameterTuningJobConfig"]
    assert config["Strategy"] == "Bayesian"
    assert config["HyperParameterTuningJobObjective"] == {"Type": "Minimize", "MetricName": "validation:mae"}
    assert config["ResourceLimits"] == {"MaxNumberOfTrainingJobs": 9, "MaxParallelTrainingJobs": 3}
    assert config["ParameterRanges"] == {
        "ContinuousParameterRanges": [
            {"Name": "eta", "MinValue": "0.01", "MaxValue": "0.5", "ScalingType": "Logarithmic"},
            {"Name": "gamma", "MinValue": "0", "MaxValue": "5", "ScalingType": "Linear"},
        ],
        "IntegerParameterRanges": [{"Name": "max_depth", "MinValue": "2", "MaxValue": "9", "ScalingType": "Linear"}],
    }
    assert config["TrainingJobEarlyStoppingType"] == "Off"
    assert config["RandomSeed"] == 7
    definition = request["TrainingJobDefinition"]
    assert definition["StaticHyperParameters"]["alpha"] == "1.5"
    assert "eta" not in definition["StaticHyperParameters"]
    assert definition["EnableManagedSpotTraining"] is True
    assert {"Key": "housing:run", "Value": "r1"} in request["Tags"]


@pytest.mark.parametrize(
    ("change", "key", "wanted"),
    [
        ({"sampler": "random"}, "Strategy", "Random"),
        ({"pruner": "median"}, "TrainingJobEarlyStoppingType", "Auto"),
        ({"pruner": "hyperband"}, "Strategy", "Hyperband"),
        (
            {"pruner": "hyperband", "prune_after": 4},
            "StrategyConfig",
            {"HyperbandStrategyConfig": {"MinResource": 4, "MaxResource": 20}},
        ),
        (
            {"patience": 5},
            "TuningJobCompletionCriteria",
            {"BestObjectiveNotImproving": {"MaxNumberOfTrainingJobsNotImproving": 5}},
        ),
        (
            {"time_limit_s": 600},
            "ResourceLimits",
            {"MaxNumberOfTrainingJobs": 9, "MaxParallelTrainingJobs": 3, "MaxRuntimeInSeconds": 600},
        ),
    ],
)
def test_what_a_study_says_is_in_its_request(change: dict[str, Any], key: str, wanted: object) -> None:
    changed = replace(STUDY, study=replace(STUDY.study, **change))
    assert not faults(changed.study, changed.space, XGBOOST)
    request = valid("CreateHyperParameterTuningJob", tuning_request(changed, Settings(), RESOURCES))
    assert request["HyperParameterTuningJobConfig"][key] == wanted


def test_parents_are_learnt_from() -> None:
    request = tuning_request(replace(STUDY, parents=["earlier"]), Settings(), RESOURCES)
    assert valid("CreateHyperParameterTuningJob", request)["WarmStartConfig"] == {
        "ParentHyperParameterTuningJobs": [{"HyperParameterTuningJobName": "earlier"}],
        "WarmStartType": "TransferLearning",
    }


def test_a_script_s_grid_is_made_of_lists() -> None:
    job = replace(JOB, algorithm="script", code=PROGRAM, hyperparameters={"alpha": 0.5})
    space: SearchSpace = {"alpha": Float(0.1, 0.3, step=0.1), "kind": Categorical(("a", "b"))}
    managed = ManagedStudy("g", Study("g", "grid", 6, objective="validation_mae"), space, job)
    assert not faults(managed.study, space, container_of("script", job.code))
    config = valid(
        "CreateHyperParameterTuningJob", tuning_request(managed, Settings(), replace(RESOURCES, code="s3://b/c"))
    )["HyperParameterTuningJobConfig"]
    assert "MaxNumberOfTrainingJobs" not in config["ResourceLimits"]
    assert config["ParameterRanges"]["CategoricalParameterRanges"] == [
        {"Name": "alpha", "Values": ["0.1", "0.2", "0.3"]},
        {"Name": "kind", "Values": ['"a"', '"b"']},  # scripts read JSON
    ]
    assert config["HyperParameterTuningJobObjective"]["MetricName"] == "validation_mae"


@pytest.mark.parametrize(
    ("study", "space", "fault"),
    [
        ({"sampler": "qmc"}, {}, "study.sampler: a tuning job of SageMaker has no qmc"),
        ({"sampler": "grid"}, {"eta": Float(0.1, 0.3, step=0.1)}, "study.sampler: SageMaker's grid"),
        ({"objective": ("validation_mae", "train_mae")}, {}, "study.objective: a tuning job takes one"),
        ({"objective": "training_seconds"}, {}, "study.objective: a tuning job takes a metric"),
        ({"folds": 5}, {}, "study.folds"),
        ({"reuse": True}, {}, "study.reuse"),
        ({"start_from": ({"eta": 0.1},)}, {}, "study.start_from"),
        ({"time_limit_s": 60}, {}, "study.time_limit_s: a tuning job takes 120 or more, got 60"),
        ({"patience": 2}, {}, "study.patience"),
        ({"trials": 751}, {}, "study.trials: a tuning job takes 750 at most, got 751"),
        ({"parallel": 101}, {}, "study.parallel"),
        ({}, {"eta": Float(0.1, 0.5, step=0.1)}, "search_space.eta.step"),
        ({}, {"max_depth": Int(2, 8, step=2)}, "search_space.max_depth.step"),
        ({}, {"max_bin": Int(2, 8)}, "search_space.max_bin: SageMaker tunes its XGBoost by"),
        ({}, {"max_depth": Categorical((3, 5))}, "search_space.max_depth: SageMaker tunes its XGBoost over ranges"),
        ({}, {"features": Categorical(("plain", "domain"))}, "search_space.features: all jobs"),
        ({}, {"gamma": Float(0, 1, only_if=Condition("eta", (0.1,)))}, "search_space.gamma.only_if"),
    ],
)
def test_what_a_tuning_job_cannot_do_is_told_with_a_way_out(
    study: dict[str, Any], space: SearchSpace, fault: str
) -> None:
    settings = {"sampler": "tpe", "trials": 9, "parallel": 3} | study
    (found,) = faults(
        Study("s", **({"objective": "validation_mae"} | settings)),
        SPACE | space if "sampler" not in study else space or SPACE,
        XGBOOST,
    )
    assert found.startswith(fault)
    assert "; " in found


def test_a_space_of_fixed_values_is_nothing_to_search() -> None:
    (found,) = faults(Study("s", "tpe", 3, objective="validation_mae"), {"eta": Categorical((0.1,))}, XGBOOST)
    assert found.startswith("search_space: nothing to search")
