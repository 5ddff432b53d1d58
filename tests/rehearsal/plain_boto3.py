"""Trains, tunes and serves by boto3 alone, where AWS_ENDPOINT_URL says, without housing. Prints a line of JSON."""

import json
import time

import boto3
import numpy as np

BUCKET = "plain-boto3"
ROLE = "arn:aws:iam::123456789012:role/plain"
IMAGE = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:3.2-0"
FIXED = {"num_round": "20", "objective": "reg:squarederror", "eval_metric": "mae"}

s3, sagemaker, logs = boto3.client("s3"), boto3.client("sagemaker"), boto3.client("logs")
s3.create_bucket(Bucket=BUCKET)
generator = np.random.default_rng(0)
for channel in ("train", "validation"):
    features = generator.normal(size=(150, 4)).round(3)
    label = (200_000 + 50_000 * features[:, 0]).round()
    lines = [",".join(f"{value:g}" for value in row) for row in np.column_stack([label, features])]
    s3.put_object(Bucket=BUCKET, Key=f"data/{channel}/rows.csv", Body="\n".join(lines).encode())

job = {
    "AlgorithmSpecification": {"TrainingImage": IMAGE, "TrainingInputMode": "File"},
    "RoleArn": ROLE,
    "InputDataConfig": [
        {
            "ChannelName": channel,
            "ContentType": "text/csv",
            "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": f"s3://{BUCKET}/data/{channel}/"}},
        }
        for channel in ("train", "validation")
    ],
    "OutputDataConfig": {"S3OutputPath": f"s3://{BUCKET}/models"},
    "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 5},
    "StoppingCondition": {"MaxRuntimeInSeconds": 3600},
}

sagemaker.create_training_job(TrainingJobName="one", HyperParameters={**FIXED, "eta": "0.5"}, **job)
waiter = sagemaker.get_waiter("training_job_completed_or_stopped")
waiter.wait(TrainingJobName="one", WaiterConfig={"Delay": 1})
trained = sagemaker.describe_training_job(TrainingJobName="one")
group = "/aws/sagemaker/TrainingJobs"
(stream,) = logs.describe_log_streams(logGroupName=group, logStreamNamePrefix="one/")["logStreams"]
events = logs.get_log_events(logGroupName=group, logStreamName=stream["logStreamName"], startFromHead=True)["events"]

sagemaker.create_hyper_parameter_tuning_job(
    HyperParameterTuningJobName="several",
    HyperParameterTuningJobConfig={
        "Strategy": "Bayesian",
        "HyperParameterTuningJobObjective": {"Type": "Minimize", "MetricName": "validation:mae"},
        "ResourceLimits": {"MaxNumberOfTrainingJobs": 4, "MaxParallelTrainingJobs": 2},
        "ParameterRanges": {
            "ContinuousParameterRanges": [{"Name": "eta", "MinValue": "0.1", "MaxValue": "0.9"}],
            "IntegerParameterRanges": [{"Name": "max_depth", "MinValue": "2", "MaxValue": "8"}],
        },
    },
    TrainingJobDefinition={**job, "StaticHyperParameters": FIXED},
)
while True:
    tuned = sagemaker.describe_hyper_parameter_tuning_job(HyperParameterTuningJobName="several")
    if tuned["HyperParameterTuningJobStatus"] not in ("InProgress", "Stopping"):
        break
    time.sleep(0.2)

sagemaker.create_model(
    ModelName="one",
    PrimaryContainer={"Image": IMAGE, "ModelDataUrl": trained["ModelArtifacts"]["S3ModelArtifacts"]},
    ExecutionRoleArn=ROLE,
)
variant = {"VariantName": "only", "ModelName": "one", "InstanceType": "ml.m5.large", "InitialInstanceCount": 1}
sagemaker.create_endpoint_config(EndpointConfigName="one", ProductionVariants=[variant])
sagemaker.create_endpoint(EndpointName="one", EndpointConfigName="one")
sagemaker.get_waiter("endpoint_in_service").wait(EndpointName="one", WaiterConfig={"Delay": 1})
runtime = boto3.client("sagemaker-runtime")
answer = runtime.invoke_endpoint(EndpointName="one", ContentType="text/csv", Body=b"1,0,0,0\n-1,0,0,0")["Body"].read()
sagemaker.delete_endpoint(EndpointName="one")

print(
    json.dumps(
        {
            "predicted": [float(line) for line in answer.split()],
            "trained": trained["TrainingJobStatus"],
            "rounds": sum("#011validation-mae:" in event["message"] for event in events),
            "tuned": tuned["HyperParameterTuningJobStatus"],
            "jobs": tuned["TrainingJobStatusCounters"]["Completed"],
            "best": tuned["BestTrainingJob"]["FinalHyperParameterTuningJobObjectiveMetric"]["Value"],
        }
    )
)
