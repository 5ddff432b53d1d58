"""Endpoints at a rehearsed SageMaker: who answers, how fast, and what an update that fails leaves behind.

python -m benchmarks.endpoints [ab] [latency] [rollback]     all of them where none is named
"""

from __future__ import annotations

import math
import statistics
import sys
from collections import Counter
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
    works = {"ab": ab, "latency": latency, "rollback": rollback}
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
    _taken_back(project, "a canary whose alarm rings", *canary, speed=12)


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
