"""Endpoints at a rehearsed SageMaker: who answers, how fast, what drifts, and what an update that fails leaves behind.

python -m benchmarks.endpoints [ab] [latency] [drift] [rollback]     all of them where none is named
"""

from __future__ import annotations

import math
import statistics
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.rehearsed import (
    Calls,
    Project,
    WrongFigure,
    ames_rows,
    as_csv,
    calling_all_the_while,
    descendants,
    hold,
    invoke,
    load,
    project,
    register_a_broken_model,
    register_two_models,
)
from housing.data.encoder import Encoder

INVOCATIONS, TIMED, ROWS = 2000, 1000, 200
ENDPOINT = "housing-endpoint"
CHAMPION, CHALLENGER = "models:/housing@champion", "models:/housing@challenger"


def main() -> int:
    works = {"ab": ab, "latency": latency, "drift": drift, "rollback": rollback}
    wanted = sys.argv[1:] or list(works)
    if unknown := [name for name in wanted if name not in works]:
        print(f"no such part: {', '.join(unknown)}; there are: {', '.join(works)}", file=sys.stderr)
        return 3
    wrong = 0
    with project() as there:
        register_two_models(there)
        for name in wanted:
            print(f"-- {name} ({load()})", flush=True)
            try:
                works[name](there)
            except WrongFigure as problem:
                wrong += 1
                print(f"WRONG: {problem}", flush=True)
            there.there("destroy")
    return 1 if wrong else 0


def ab(project: Project) -> None:
    """Nine to one over 2,000 invocations; then one weight is changed in the file while a client calls."""
    file = project.folder / "conf" / "deployment" / "shared.yaml"
    file.parent.mkdir(parents=True, exist_ok=True)
    words = ("deployment=shared", f"--config-dir={project.folder / 'conf'}")
    write = (
        "endpoint: {}\nvariants:\n  champion: {{model: '{}', weight: 9}}\n  challenger: {{model: '{}', weight: {}}}\n"
    )
    file.write_text(write.format(ENDPOINT, CHAMPION, CHALLENGER, 1))
    project.there("deploy", *words)
    body, calls = as_csv(ames_rows(1)), Calls()
    client = project.client("sagemaker-runtime")
    for _ in range(INVOCATIONS):
        invoke(client, ENDPOINT, body, calls)
    p = _shared(calls, 0.9)

    before = _fleet(project)
    file.write_text(write.format(ENDPOINT, CHAMPION, CHALLENGER, 3))
    changed = project.there("plan", *words, "--json").data
    with calling_all_the_while(project, ENDPOINT, body) as meanwhile:
        project.there("deploy", *words)
    lines = [line for line in changed["changes"] if not line.startswith("~ variant")]
    print(f"plan after one weight was changed: {lines}")
    kept = _fleet(project) == before
    print(f"deploy: the same configuration and machines: {kept}")
    print(f"a client that called all the while: {len(meanwhile.seconds)} answers, {len(meanwhile.failures)} failures")
    again = Calls()
    for _ in range(INVOCATIONS):
        invoke(client, ENDPOINT, body, again)
    q = _shared(again, 0.75)
    hold(not calls.failures + meanwhile.failures + again.failures, "an invocation failed")
    hold(lines == ["~     weight: 1 -> 3"], "the plan shows something else than the weight")
    hold(kept, f"the fleet was {before}, and is {_fleet(project)}")
    hold(min(p, q) > 0.01, "the shares are not those of the weights")


def _shared(calls: Calls, share: float) -> float:
    """Prints who answered; returns p of the chi-square test with one degree of freedom."""
    counts, total = Counter(calls.variants), len(calls.variants)
    chi_square = (counts["champion"] - total * share) ** 2 / (total * share * (1 - share))
    p = math.erfc(math.sqrt(chi_square / 2))
    print(f"{total} invocations: {dict(counts)}, wanted {share:.0%}: p = {p:.3f}; {len(calls.failures)} failures")
    return p


def _fleet(project: Project) -> tuple[Any, ...]:
    """The configuration in service, how many there are, and the processes of the containers."""
    client = project.client("sagemaker")
    endpoint = client.describe_endpoint(EndpointName=ENDPOINT)
    configurations = client.list_endpoint_configs(NameContains=ENDPOINT)["EndpointConfigs"]
    return endpoint["EndpointConfigName"], len(configurations), tuple(descendants(project.address.pid))


def latency(project: Project) -> None:
    """One row at a time, by one client, through each of the interfaces; and both against the registered model."""
    table, calls = ames_rows(ROWS), {}
    registered = _registered(table)
    client = project.client("sagemaker-runtime")
    for interface in ("raw", "encoded"):
        project.there("deploy", f"deployment.interface={interface}")
        answered = _predicted(project, table)
        difference = float(np.max(np.abs(answered - registered) / registered))
        print(f"{interface}: {ROWS} rows by housing predict, at most {difference:.1e} from the registered MLflow model")
        hold(difference < 1e-6, f"{interface}: other dollars than the registered model's")
        body = as_csv(table[:1]) if interface == "raw" else _encoded(table[0])
        calls = Calls()
        for _ in range(50):
            content = invoke(client, ENDPOINT, body, Calls())
        for _ in range(TIMED):
            invoke(client, ENDPOINT, body, calls)
        cuts = [1000 * cut for cut in statistics.quantiles(calls.seconds, n=100)]
        print(f"{interface}: {TIMED} invocations, median {cuts[49]:.1f} ms (wanted: under 10), p99 {cuts[98]:.1f} ms")
        hold(not calls.failures, f"{interface}: {calls.failures[:1]}")
        hold(content, f"{interface}: no answer")


def _registered(table: list[dict[str, str]]) -> Any:
    """Dollars, by MLflow alone."""
    import mlflow
    import pandas

    mlflow.set_tracking_uri("sqlite:///mlflow.db")
    return np.asarray(mlflow.pyfunc.load_model(CHAMPION).predict(pandas.DataFrame(table))).ravel()


def _predicted(project: Project, table: list[dict[str, str]]) -> Any:
    file = project.folder / "rows.csv"
    file.write_text(as_csv(table))
    answers = project.there("predict", str(file), "--json").data["predictions"]
    return np.array([answer["value"] for answer in answers])


def _encoded(row: dict[str, str]) -> str:
    """As `housing predict` sends it to a plain container."""
    from mlflow.artifacts import download_artifacts

    encoder = Encoder.from_json(Path(download_artifacts(f"{CHAMPION}/data/bundle/encoder.json")).read_text())
    (values,) = encoder.transform(encoder.rows_from_records([row]))
    return ",".join("" if math.isnan(value) else repr(float(value)) for value in values)


def drift(project: Project) -> None:
    """Each field is changed behind our back by plain boto3, one at a time: shown by plan, put right by deploy."""
    file = project.folder / "conf" / "deployment" / "drifting.yaml"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(DRIFTING)
    words = ("deployment=drifting", f"--config-dir={project.folder / 'conf'}")
    project.there("deploy", *words)
    console, wrong = Console(project), []
    for name, (change, shown) in MUTATIONS.items():
        change(console)
        found = project.there("plan", *words, "--json").data["changes"]
        lines = [line for line in found if not line.startswith(("~ variant", "~ endpoint"))]
        project.there("deploy", *words)
        rest = project.there("plan", *words, "--json").data["changes"]
        is_right = lines == shown and not rest
        print(f"  {'ok   ' if is_right else 'WRONG'} {name}: {lines}{f', then {rest}' if rest else ''}", flush=True)
        wrong += [] if is_right else [name]
    print(f"{len(MUTATIONS)} changes behind our back, {len(MUTATIONS) - len(wrong)} shown exactly and put right")
    hold(not wrong, f"not shown exactly or not put right: {', '.join(wrong)}")


DRIFTING = f"""
endpoint: {ENDPOINT}
interface: encoded
variants:
  scaled:
    model: {CHAMPION}
    weight: 9
    instances: 2
    autoscaling:
      min_instances: 2
      max_instances: 3
      invocations_per_instance_per_minute: 600
      scale_in_cooldown_s: 200
      scale_out_cooldown_s: 30
  fixed: {{model: {CHALLENGER}, weight: 1}}
capture: {{percent: 20}}
update:
  wait_s: 0
  alarms:
    errors: {{metric: Invocation5XXErrors, above: 5}}
"""


class Console:
    """A person with the console, who knows nothing of housing."""

    def __init__(self, project: Project) -> None:
        self._sagemaker = project.client("sagemaker")
        self._scaling = project.client("application-autoscaling")
        self._cloudwatch = project.client("cloudwatch")
        self._scaled = {
            "ServiceNamespace": "sagemaker",
            "ResourceId": f"endpoint/{ENDPOINT}/variant/scaled",
            "ScalableDimension": "sagemaker:variant:DesiredInstanceCount",
        }

    def capacity(self, **change: Any) -> None:
        self._sagemaker.update_endpoint_weights_and_capacities(
            EndpointName=ENDPOINT, DesiredWeightsAndCapacities=[{"VariantName": "fixed", **change}]
        )
        self._wait()

    def bounds(self, **changes: int) -> None:
        self._scaling.register_scalable_target(**self._scaled, **changes)

    def policy(self, **changes: Any) -> None:
        found = self._scaling.describe_scaling_policies(**self._scaled)["ScalingPolicies"][0]
        rule = found["TargetTrackingScalingPolicyConfiguration"] | changes
        self._scaling.put_scaling_policy(
            **self._scaled,
            PolicyName=found["PolicyName"],
            PolicyType=found["PolicyType"],
            TargetTrackingScalingPolicyConfiguration=rule,
        )

    def no_scaling(self) -> None:
        self._scaling.deregister_scalable_target(**self._scaled)

    def alarm(self, **changes: Any) -> None:
        found = self._alarms("fixed")[0]
        keys = self._cloudwatch.meta.service_model.operation_model("PutMetricAlarm").input_shape.members.keys()
        self._cloudwatch.put_metric_alarm(**{key: found[key] for key in keys & found.keys()} | changes)

    def no_alarm(self) -> None:
        self._cloudwatch.delete_alarms(AlarmNames=[alarm["AlarmName"] for alarm in self._alarms("scaled")])

    def configuration(self, change: Callable[[dict[str, Any]], object]) -> None:
        """Another one in service, made from the one that is."""
        name = self._sagemaker.describe_endpoint(EndpointName=ENDPOINT)["EndpointConfigName"]
        found = self._sagemaker.describe_endpoint_config(EndpointConfigName=name)
        request = {key: found[key] for key in ("ProductionVariants", "DataCaptureConfig")}
        change(request)
        name = f"by-hand-{time.time_ns()}"
        self._sagemaker.create_endpoint_config(EndpointConfigName=name, **request)
        self._sagemaker.update_endpoint(
            EndpointName=ENDPOINT,
            EndpointConfigName=name,
            RetainAllVariantProperties=True,
            ExcludeRetainedVariantProperties=[{"VariantPropertyType": "DataCaptureConfig"}],
        )
        self._wait()

    def model(self, request: dict[str, Any]) -> None:
        """One of nobody's, in the place of ours."""
        variant = request["ProductionVariants"][1]
        model = self._sagemaker.describe_model(ModelName=variant["ModelName"])
        container = {key: model["PrimaryContainer"][key] for key in ("Image", "ModelDataUrl")}
        role = model["ExecutionRoleArn"]
        self._sagemaker.create_model(ModelName="by-hand", PrimaryContainer=container, ExecutionRoleArn=role)
        variant["ModelName"] = "by-hand"

    def _alarms(self, variant: str) -> list[dict[str, Any]]:
        found = self._cloudwatch.describe_alarms(AlarmNamePrefix=ENDPOINT)["MetricAlarms"]
        return [alarm for alarm in found if alarm["AlarmName"].endswith(variant)]

    def _wait(self) -> None:
        waiter = self._sagemaker.get_waiter("endpoint_in_service")
        waiter.wait(EndpointName=ENDPOINT, WaiterConfig={"Delay": 0.1, "MaxAttempts": 600})


def _fixed(**changes: Any) -> Callable[[Console], None]:
    return lambda console: console.configuration(lambda request: request["ProductionVariants"][1].update(changes))


MUTATIONS: dict[str, tuple[Callable[[Console], None], list[str]]] = {
    "weight": (lambda c: c.capacity(DesiredWeight=3), ["~     weight: 3 -> 1"]),
    "instances": (lambda c: c.capacity(DesiredInstanceCount=3), ["~     instances: 3 -> 1"]),
    "instance_type": (_fixed(InstanceType="ml.c5.xlarge"), ["~     instance_type: ml.c5.xlarge -> ml.m5.large"]),
    "model": (lambda c: c.configuration(c.model), ["~     model: sagemaker:by-hand -> models:/housing/2"]),
    "autoscaling": (
        lambda c: c.no_scaling(),
        [
            "+     autoscaling.max_instances: 3",
            "+     autoscaling.invocations_per_instance_per_minute: 600",
            "+     autoscaling.min_instances: 2",
            "+     autoscaling.scale_in_cooldown_s: 200",
            "+     autoscaling.scale_out_cooldown_s: 30",
        ],
    ),
    "autoscaling.max_instances": (lambda c: c.bounds(MaxCapacity=7), ["~     autoscaling.max_instances: 7 -> 3"]),
    "autoscaling.min_instances": (lambda c: c.bounds(MinCapacity=1), ["~     autoscaling.min_instances: 1 -> 2"]),
    "autoscaling.invocations_per_instance_per_minute": (
        lambda c: c.policy(TargetValue=50.0),
        ["~     autoscaling.invocations_per_instance_per_minute: 50 -> 600"],
    ),
    "autoscaling.scale_in_cooldown_s": (
        lambda c: c.policy(ScaleInCooldown=1),
        ["~     autoscaling.scale_in_cooldown_s: 1 -> 200"],
    ),
    "autoscaling.scale_out_cooldown_s": (
        lambda c: c.policy(ScaleOutCooldown=1),
        ["~     autoscaling.scale_out_cooldown_s: 1 -> 30"],
    ),
    "capture.percent": (
        lambda c: c.configuration(lambda r: r["DataCaptureConfig"].update(InitialSamplingPercentage=90)),
        ["~     capture.percent: 90 -> 20"],
    ),
    "capture": (
        lambda c: c.configuration(lambda r: r.pop("DataCaptureConfig")),
        ["+     capture.percent: 20"],
    ),
    "update.alarms.above": (lambda c: c.alarm(Threshold=99.0), ["~     update.alarms.errors.above: 99 -> 5"]),
    "update.alarms.metric": (
        lambda c: c.alarm(MetricName="ModelLatency"),
        ["~     update.alarms.errors.metric: ModelLatency -> Invocation5XXErrors"],
    ),
    "update.alarms": (
        lambda c: c.no_alarm(),
        [
            "+     update.alarms.errors.metric: Invocation5XXErrors",
            "+     update.alarms.errors.above: 5",
            "+     update.alarms.errors.statistic: Sum",
            "+     update.alarms.errors.period_s: 60",
            "+     update.alarms.errors.periods: 1",
        ],
    ),
}


def rollback(project: Project) -> None:
    """A model that does not load, and a canary whose alarm rings: exit 6, and the last good ones go on answering."""
    project.there("deploy")
    broken = register_a_broken_model()
    _taken_back(project, "a broken model", f"deployment.variants.champion.model={broken}")
    canary = (
        f"deployment.variants.champion.model={CHALLENGER}",
        "deployment.update.strategy=canary",
        "deployment.update.wait_s=20",
        "+deployment.update.alarms.slow={metric: ModelLatency, statistic: Average, above: 1, period_s: 10}",
    )
    _taken_back(project, "a canary whose alarm rings", *canary, minute_s=5)


def _taken_back(project: Project, what: str, *words: str, **rehearsal: Any) -> None:
    client = project.client("sagemaker")
    before = client.describe_endpoint(EndpointName=ENDPOINT)["EndpointConfigName"]
    with calling_all_the_while(project, ENDPOINT, as_csv(ames_rows(1)), pause_s=0.01) as calls:
        refused = project.there("deploy", *words, expect=6, **rehearsal)
    after = client.describe_endpoint(EndpointName=ENDPOINT)
    in_service = after["EndpointStatus"] == "InService" and after["EndpointConfigName"] == before
    print(f"{what}: exit 6, the last good configuration in service: {in_service}")
    print(f"  a client meanwhile: {len(calls.seconds)} answers, {len(calls.failures)} failures")
    print("  " + refused.err.strip().splitlines()[-1])
    hold(in_service, f"{what}: {after['EndpointStatus']}, {after['EndpointConfigName']} instead of {before}")
    hold(not calls.failures, f"{what}: {calls.failures[:1]}")


if __name__ == "__main__":
    sys.exit(main())
