"""The printed policy, action by action: each that is taken away is refused by name, and with all of them all passes.

python -m benchmarks.permissions [ACTION ...]     all of them where none is named

Every command is run by a user of the rehearsal who may do what `housing iam` has printed, and nothing else.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks.gateway import Gateway
from benchmarks.rehearsed import (
    Project,
    WrongFigure,
    ames_rows,
    as_csv,
    hold,
    load,
    project,
    register_a_broken_model,
    register_two_models,
)

ENDPOINT = "housing-endpoint"
BUCKET = "sagemaker-us-east-1-123456789012"
ROLE = "arn:aws:iam::123456789012:role/housing"
SERVED = (
    "deployment.interface=encoded",
    "deployment.variants.champion.autoscaling={max_instances: 2, invocations_per_instance_per_minute: 600}",
    "+deployment.variants.challenger={model: models:/housing@challenger, weight: 1}",
    "deployment.update.wait_s=0",
    "+deployment.update.alarms.errors={metric: Invocation5XXErrors, above: 1}",
)
CREDENTIALS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")


@dataclass(frozen=True)
class Step:
    """A command, whether it begins with an endpoint in service, and the end that is meant."""

    words: Sequence[str]
    is_served: bool | None = None
    code: int = 0
    interrupted_after: str = ""  # the call after which Ctrl-C comes


def main() -> int:
    with project() as there:
        register_two_models(there)
        gateway = Gateway(there.address.url)
        try:
            return _measure(there, gateway, sys.argv[1:])
        except WrongFigure as problem:
            print(f"WRONG: {problem}")
            return 1
        finally:
            gateway.close()


def _measure(project: Project, gateway: Gateway, wanted: Sequence[str]) -> int:
    user = _User(project, gateway)
    steps = _steps(project)
    statements = json.loads(project.run("iam", *SERVED, "study=amt", *user.place).out)["Statement"]
    actions = sorted({action for statement in statements for action in statement["Action"]})
    print(f"{len(actions)} actions printed ({load()})", flush=True)
    seen: list[set[str]] = []
    for step in steps:
        user.prepare(step)
        user.may(statements)
        code, said = user.runs(step)
        seen.append(set(gateway.seen))
        hold(code == step.code and " needs " not in said, f"{' '.join(step.words)} ended with {code}: {said[-1500:]}")
        print(f"  {' '.join(step.words)[:100]}: {gateway.seen.total()} calls pass", flush=True)
    named, unnamed = 0, []
    for action in [action for action in actions if not wanted or action in wanted]:
        # First where a call of that name is made.
        likely = sorted(range(len(steps)), key=lambda n: action.partition(":")[2] not in seen[n])
        refused = _refused(user, [steps[n] for n in likely], _without(statements, action), action)
        named += refused is not None
        unnamed += [action] if refused is None else []
        print(f"  {action}: {refused or 'NOT REFUSED'}", flush=True)
    print(f"{named + len(unnamed)} actions, taken away one at a time: {named} refused by name ({load()})")
    hold(not unnamed, f"not refused, or not by name: {', '.join(unnamed)}")
    return 0


def _refused(user: _User, steps: Sequence[Step], statements: list[dict[str, Any]], action: str) -> str | None:
    """The first command that ends because of it."""
    for step in steps:
        user.prepare(step)
        if action == "s3:CreateBucket":
            user.remove_the_bucket()
        user.may(statements)
        code, said = user.runs(step)
        if code == 6 and f"needs {action}" in said:
            return step.words[0]
    return None


def _without(statements: list[dict[str, Any]], action: str) -> list[dict[str, Any]]:
    kept = [{**each, "Action": [name for name in each["Action"] if name != action]} for each in statements]
    return [each for each in kept if each["Action"]]


def _steps(project: Project) -> list[Step]:
    rows = project.folder / "rows.csv"
    rows.write_text(as_csv(ames_rows(10)))
    broken = register_a_broken_model()
    return [
        Step(("train",)),
        Step(("train",), code=130, interrupted_after="CreateTrainingJob"),
        Step(("tune", "study=amt", "study.trials=2", "study.parallel=2")),
        Step(
            ("tune", "study=amt", "study.trials=2", "study.parallel=2"),
            code=130,
            interrupted_after="CreateHyperParameterTuningJob",
        ),
        Step(("attach",)),
        Step(("deploy", *SERVED), is_served=False),
        Step(("deploy", *SERVED, "deployment.variants.challenger.weight=3"), is_served=True),
        Step(("deploy", *SERVED, f"deployment.variants.champion.model={broken}"), is_served=True, code=6),
        Step(("deploy", "deployment.interface=encoded"), is_served=True),
        Step(("predict", str(rows)), is_served=True),
        Step(("predict", "--batch", f"s3://{BUCKET}/housing/rows.csv"), is_served=True),
        Step(("status",), is_served=True),
        Step(("destroy",), is_served=True),
    ]


class _User:
    """Somebody whose calls are held to a policy; what is prepared for them is done by the account itself."""

    def __init__(self, project: Project, gateway: Gateway) -> None:
        self._project = project
        self._gateway = gateway
        self._iam = project.client("iam")
        places = [
            (f"{place}.endpoint_url={gateway.url}", f"{place}.region=us-east-1", f"{place}.role_arn={ROLE}")
            for place in ("runner", "host")
        ]
        waits = ("runner.poll_s=0.1", "host.poll_s=0.1")
        self.place = ("target=sagemaker", *places[0], *places[1], *waits)

    def prepare(self, step: Step) -> None:
        self._project.sign_as_the_account()
        self._project.use(enforce_iam=True, seconds_per_round=0.3 if step.interrupted_after else 0.0)
        if step.is_served is not None:
            words = ("deploy", *SERVED) if step.is_served else ("destroy",)
            self._project.run(*words, *self.place)
        if "--batch" in step.words:
            s3 = self._project.client("s3")
            s3.put_object(Bucket=BUCKET, Key="housing/rows.csv", Body=as_csv(ames_rows(10)).encode())

    def may(self, statements: list[dict[str, Any]]) -> None:
        """From now on calls are signed by a new user who may do this."""
        name = f"user-{time.time_ns()}"
        self._iam.create_user(UserName=name)
        document = json.dumps({"Version": "2012-10-17", "Statement": statements})
        self._iam.put_user_policy(UserName=name, PolicyName="own", PolicyDocument=document)
        key = self._iam.create_access_key(UserName=name)["AccessKey"]
        os.environ.update(zip(CREDENTIALS, (key["AccessKeyId"], key["SecretAccessKey"]), strict=True))

    def runs(self, step: Step) -> tuple[int, str]:
        self._gateway.open()
        over = threading.Event()
        if step.interrupted_after:
            threading.Thread(target=self._interrupt, args=(step.interrupted_after, over), daemon=True).start()
        answer = self._project.run(*step.words, *self.place, expect=None)
        over.set()
        return answer.code, answer.out + answer.err

    def _interrupt(self, call: str, over: threading.Event) -> None:
        while not over.wait(0.05):
            if self._gateway.seen[call]:
                time.sleep(1)
                if not over.is_set():
                    os.kill(os.getpid(), signal.SIGINT)
                return

    def remove_the_bucket(self) -> None:
        s3 = self._project.client("s3")
        for each in s3.list_objects_v2(Bucket=BUCKET).get("Contents", ()):
            s3.delete_object(Bucket=BUCKET, Key=each["Key"])
        s3.delete_bucket(Bucket=BUCKET)


if __name__ == "__main__":
    sys.exit(main())
