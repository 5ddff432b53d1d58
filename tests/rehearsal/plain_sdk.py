"""Trains and tunes by the SageMaker SDK alone, where AWS_ENDPOINT_URL says; knows nothing of housing. Prints JSON.

The built-in XGBoost, and a script of one's own in the scikit-learn image.
"""

import json
import sys
import tempfile
from pathlib import Path

import boto3
import numpy as np
from sagemaker.core import image_uris
from sagemaker.core.helper.session_helper import Session
from sagemaker.core.parameter import ContinuousParameter, IntegerParameter
from sagemaker.core.shapes import OutputDataConfig, StoppingCondition
from sagemaker.train import ModelTrainer
from sagemaker.train.configs import Compute, InputData, SourceCode
from sagemaker.train.tuner import HyperparameterTuner

BUCKET = "plain-sdk"
TRUST = {"Effect": "Allow", "Principal": {"Service": "sagemaker.amazonaws.com"}, "Action": "sts:AssumeRole"}
SCRIPT = """
import argparse, os, pathlib
parser = argparse.ArgumentParser()
parser.add_argument("--alpha", type=float)
given, _ = parser.parse_known_args()
rows = pathlib.Path(os.environ["SM_CHANNEL_TRAIN"], "rows.csv").read_text().splitlines()
print(f"loss: {given.alpha * len(rows)}")
pathlib.Path(os.environ["SM_MODEL_DIR"], "model.txt").write_text(str(given.alpha))
"""


def document(statement: dict) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


# The SDK looks at the role before it uses it, on AWS as here.
iam, s3 = boto3.client("iam"), boto3.client("s3")
role = iam.create_role(RoleName="sdk", AssumeRolePolicyDocument=document(TRUST))["Role"]["Arn"]
everything = {"Effect": "Allow", "Action": "*", "Resource": "*"}
iam.put_role_policy(RoleName="sdk", PolicyName="all", PolicyDocument=document(everything))
s3.create_bucket(Bucket=BUCKET)
generator = np.random.default_rng(0)
for channel in ("train", "validation"):
    features = generator.normal(size=(150, 4)).round(3)
    label = (200_000 + 50_000 * features[:, 0]).round()
    lines = [",".join(f"{value:g}" for value in row) for row in np.column_stack([label, features])]
    s3.put_object(Bucket=BUCKET, Key=f"data/{channel}/rows.csv", Body="\n".join(lines).encode())

inputs = [
    InputData(channel_name=channel, data_source=f"s3://{BUCKET}/data/{channel}", content_type="text/csv")
    for channel in ("train", "validation")
]
session = Session(default_bucket=BUCKET)


def trainer(job: str, image: str, hyperparameters: dict, source: SourceCode | None = None) -> ModelTrainer:
    return ModelTrainer(
        sagemaker_session=session,
        training_image=image,
        role=role,
        base_job_name=job,  # to which the SDK adds the second: no two trainers may share it
        compute=Compute(instance_type="ml.m5.large", instance_count=1, volume_size_in_gb=5),
        hyperparameters=hyperparameters,
        output_data_config=OutputDataConfig(s3_output_path=f"s3://{BUCKET}/models"),
        stopping_condition=StoppingCondition(max_runtime_in_seconds=3600),
        source_code=source,
    )


fixed = {"num_round": 20, "objective": "reg:squarederror", "eval_metric": "mae"}
xgboost = image_uris.retrieve("xgboost", region="us-east-1", version="3.2-0")
one = trainer("sdk-one", xgboost, {**fixed, "eta": 0.5})
one.train(input_data_config=inputs, wait=False)
tuner = HyperparameterTuner(
    trainer("sdk-tuned", xgboost, fixed),
    "validation:mae",
    {"eta": ContinuousParameter(0.1, 0.9), "max_depth": IntegerParameter(2, 8)},
    objective_type="Minimize",
    max_jobs=4,
    max_parallel_jobs=2,
    base_tuning_job_name="sdk",
)
tuner.tune(inputs=inputs, wait=False)

with tempfile.TemporaryDirectory() as folder:
    Path(folder, "train.py").write_text(SCRIPT)
    Path(folder, "requirements.txt").write_text("numpy\n")
    source = SourceCode(source_dir=folder, entry_script="train.py", requirements="requirements.txt")
    sklearn = image_uris.retrieve("sklearn", region="us-east-1", version="1.4-2", instance_type="ml.m5.large")
    scripted = trainer("sdk-scripted", sklearn, {"alpha": 0.5}, source)
    scripted.train(input_data_config=inputs[:1], wait=False)

jobs = [one._latest_training_job, scripted._latest_training_job]
for job in jobs:
    job.wait(poll=0, logs=False)
tuner.latest_tuning_job.wait(poll=0)
sys.stdout.write(
    json.dumps(
        {
            "trained": jobs[0].training_job_status,
            "scripted": jobs[1].training_job_status,
            "tuned": tuner.latest_tuning_job.hyper_parameter_tuning_job_status,
            "best": tuner.best_training_job(),
        }
    )
)
