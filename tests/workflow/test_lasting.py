"""Jobs that outlive their command, against a rehearsal: every one is recorded once and paid for once."""

from __future__ import annotations

import json
import os
import random
import signal
from pathlib import Path

import pytest

from tests.workflow.conftest import Answer, Housing, in_process
from tests.workflow.processes import run, start, studies
from tests.workflow.quick import quick
from tests.workflow.rehearsed import Account, kill, metrics, printed, rounds, statuses, until

SLOW = "rehearsal.seconds_per_round=0.1"


@pytest.fixture
def name(request: pytest.FixtureRequest) -> str:
    """An experiment of the test's own: its jobs are told from others by that."""
    return f"e{abs(hash(request.node.name)) % 10**8}"


@pytest.fixture
def there(account: Account, name: str) -> tuple[str, ...]:
    """What makes a command train in the rehearsal."""
    return account.there(name)


def test_rounds_reach_the_record_while_the_job_runs_and_once_each(
    project: Path, account: Account, there: tuple[str, ...], name: str
) -> None:
    database = project / "mlflow.db"
    process = start("train", *there, SLOW, folder=project)
    until(lambda: len(rounds(database)) >= 3)
    assert statuses(database) == {"RUNNING": 1}
    process.join()
    assert process.exitcode == 0, printed(project)
    assert statuses(database) == {"FINISHED": 1}
    seen = rounds(database)
    # Early stopping kept an earlier round than the last, whose value stands at the last step, too.
    assert sorted(seen.values()) == [1] * (len(seen) - 1) + [2]
    assert sorted(step for _, step in seen) == list(range(len(seen)))
    (job,) = account.jobs(name)
    assert account.tags(job)["housing:experiment"] == name
    assert "[0]#011train" in printed(project)


@pytest.mark.slow
def test_a_killed_training_is_completed_by_attach_and_paid_for_once(
    project: Path, account: Account, there: tuple[str, ...], name: str
) -> None:
    process = start("train", *there, SLOW, folder=project)
    until(lambda: bool(rounds(project / "mlflow.db")))
    kill(process)
    assert run("compare", *there, folder=project) != 0  # nothing to compare, and the record is not touched
    assert statuses(project / "mlflow.db") == {"RUNNING": 1}
    assert run("attach", f"rehearsal.folder={account.folder}", f"name={name}", folder=project) == 0, printed(project)
    assert statuses(project / "mlflow.db") == {"FINISHED": 1}
    seen = rounds(project / "mlflow.db")
    last = max(step for _, step in seen)
    # The killed command may have recorded every round; the kept round's value stands at the last step, too.
    assert all(times <= (3 if step == last else 2) for (_, step), times in seen.items())
    assert list(account.jobs(name).values()) == ["Completed"]


def test_the_next_command_tells_of_a_job_that_was_left(project: Path, housing: Housing, there: tuple[str, ...]) -> None:
    process = start("train", *there, SLOW, folder=project)
    until(lambda: bool(rounds(project / "mlflow.db")))
    kill(process)
    told = housing("train", there[2])
    assert told.code == 0
    assert "1 job of an earlier command" in told.out + told.err
    assert "housing attach" in told.out + told.err
    assert statuses(project / "mlflow.db") == {"RUNNING": 1, "FINISHED": 1}


@pytest.mark.slow
def test_a_study_killed_again_and_again_pays_for_each_trial_once(
    tmp_path: Path, account: Account, there: tuple[str, ...], name: str
) -> None:
    begin = (
        "tune",
        *there,
        "rehearsal.seconds_per_round=0.03",
        "study.trials=6",
        "study.parallel=3",
        "algorithm.num_round=15",
    )
    moments = random.Random(1)
    for _ in range(3):
        begun = studies(tmp_path / "mlflow.db")
        record = (there[1], there[2])
        command = ("tune", f"study.resume={begun[0].name}", *record) if begun else begin
        process = start(*command, folder=tmp_path)
        until(lambda: bool(studies(tmp_path / "mlflow.db")))
        process.join(moments.uniform(0.3, 2.5))
        if process.exitcode is None:
            kill(process)
    (study,) = studies(tmp_path / "mlflow.db")
    assert run("tune", f"study.resume={study.name}", there[1], there[2], folder=tmp_path) == 0, printed(tmp_path)
    (whole,) = studies(tmp_path / "mlflow.db")
    assert whole.numbers == list(range(6))
    assert whole.status == "FINISHED"
    assert whole.statuses["RUNNING"] == 0
    finished = [child for child in whole.children if child.status == "FINISHED"]
    jobs = account.jobs(name)
    assert sorted(jobs) == sorted(child.tags["housing.job"] for child in finished)
    assert set(jobs.values()) == {"Completed"}


def test_without_a_terminal_ctrl_c_stops_the_job_and_records_what_there_is(
    project: Path, account: Account, there: tuple[str, ...], name: str
) -> None:
    process = start("train", *there, "rehearsal.seconds_per_round=0.3", folder=project)
    until(lambda: bool(rounds(project / "mlflow.db")))
    assert process.pid is not None
    os.kill(process.pid, signal.SIGINT)
    process.join(300)
    assert process.exitcode == 130, printed(project)
    assert statuses(project / "mlflow.db") == {"KILLED": 1}
    assert list(account.jobs(name).values()) == ["Stopped"]


@pytest.mark.slow
def test_in_a_terminal_a_job_may_be_left_running_and_is_attached_to_later(
    project: Path, account: Account, there: tuple[str, ...], name: str
) -> None:
    import pty
    import subprocess
    import sys

    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "housing", *quick(("train", *there, SLOW))],
        cwd=project,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)
    until(lambda: bool(rounds(project / "mlflow.db")))
    process.send_signal(signal.SIGINT)
    shown = read_until(ours, "leave running")
    os.write(ours, b"l\n")
    shown += read_until(ours, "housing attach")
    assert process.wait(300) == 130
    os.close(ours)
    assert "1 job is still at work" in shown
    again = in_process("attach", there[1], there[2], "--json", folder=project)
    assert again.code == 0, again.err
    assert statuses(project / "mlflow.db") == {"FINISHED": 1}
    assert list(account.jobs(name).values()) == ["Completed"]


def read_until(descriptor: int, text: str) -> str:
    shown = ""
    while text not in shown:
        shown += os.read(descriptor, 4096).decode(errors="replace")
    return shown


def test_what_the_budget_forbids_is_not_begun(
    project: Path, housing: Housing, account: Account, there: tuple[str, ...], name: str
) -> None:
    refused = housing("train", *there, "budget.usd=0.4")
    assert refused.code == 5
    assert "budget.usd=0.4" in refused.err
    assert housing("tune", *there, "budget.usd=0.4").code == 5
    unknown = housing("train", *there, "budget.usd=10", "runner.instance_type=ml.c5.18xlarge")
    assert unknown.code == 5
    assert "price of ml.c5.18xlarge is unknown" in unknown.err
    assert account.jobs(name) == {}
    assert statuses(project / "mlflow.db") == {} if (project / "mlflow.db").exists() else True


@pytest.mark.slow
def test_a_study_stops_at_the_budget_and_goes_on_with_a_larger_one(
    project: Path, housing: Housing, account: Account, there: tuple[str, ...], name: str
) -> None:
    dear = "prices.usd_per_hour={ml.m5.2xlarge: 3600}"  # a dollar a second, and each job is billed for one or two
    first = housing(
        *("tune", *there, dear, "runner.max_run_s=5", "budget.usd=11", "study.trials=9", "study.parallel=3"),
        "algorithm.num_round=3",
    )
    assert first.code == 5, first.err
    assert "exceeds budget.usd=11" in first.err
    (study,) = studies(project / "mlflow.db")
    assert 3 <= len(study.numbers) <= 8
    assert len(account.jobs(name)) == len(study.numbers) == len(study.children)
    again = housing("tune", f"study.resume={study.name}", there[1], there[2], "budget.usd=100", "--json")
    assert again.code == 0, again.err
    assert again.data["costs"]["cost_usd"] >= 9
    assert len(account.jobs(name)) == 9


@pytest.mark.slow
def test_spot_saves_what_was_not_billed_for_each_job_and_for_the_study(
    project: Path, housing: Housing, there: tuple[str, ...]
) -> None:
    # What is billed is counted in whole seconds: a job of one second saves nothing.
    spot = ("runner.spot.enabled=true", "rehearsal.interrupt_at_rounds=[2]", "rehearsal.seconds_per_round=0.6")
    tuned = housing("tune", *there, *spot, "study.trials=2", "algorithm.num_round=6")
    assert tuned.code == 0, tuned.err
    assert "spot saved" in tuned.out
    (study,) = studies(project / "mlflow.db")
    assert [child.tags["sagemaker.interruptions"] for child in study.children] == ["1", "1"]
    whole, *jobs = metrics(project / "mlflow.db", study.id, *(child.id for child in study.children))
    assert whole["billed_seconds"] == sum(job["billed_seconds"] for job in jobs)
    assert whole["cost_usd"] == pytest.approx(sum(job["cost_usd"] for job in jobs))
    assert all(0 < each["spot_saving"] < 1 for each in (whole, *jobs))
    for child, kept in zip(study.children, jobs, strict=True):
        assert json.loads(child.tags["housing.values"]) == [kept["validation_mae"]], "two values of one objective"
        assert {step for run, step in rounds(project / "mlflow.db") if run == child.id} == set(range(6))


def test_on_spot_the_record_shows_the_model_kept_and_every_round(
    project: Path, housing: Housing, there: tuple[str, ...]
) -> None:
    early = ("algorithm.eta=0.8", "algorithm.num_round=60", "algorithm.early_stopping_rounds=4", "--json")
    here = housing("train", *there[2:3], *early).data
    spot = housing("train", *there, "runner.spot.enabled=true", *early)
    assert spot.code == 0, spot.err
    database = project / "mlflow.db"
    assert spot.data["metrics"]["validation_mae"] == pytest.approx(here["metrics"]["validation_mae"], rel=1e-4)
    (newest,) = metrics(database, spot.data["run_id"])
    assert {name: newest[name] for name in spot.data["metrics"]} == spot.data["metrics"]
    steps = {
        run_id: {step for run, step in rounds(database) if run == run_id}
        for run_id in (spot.data["run_id"], here["run_id"])
    }
    assert steps[spot.data["run_id"]] == steps[here["run_id"]]
    assert max(steps[here["run_id"]]) >= here["rounds_kept"], "it did not train beyond the best round"


@pytest.mark.slow
def test_a_terminated_command_leaves_its_job_to_the_next(
    project: Path, account: Account, there: tuple[str, ...], name: str
) -> None:
    process = start("train", *there, "rehearsal.seconds_per_round=0.3", folder=project)
    until(lambda: bool(rounds(project / "mlflow.db")))
    process.terminate()
    process.join(300)
    assert process.exitcode == 130, printed(project)
    assert statuses(project / "mlflow.db") == {"RUNNING": 1}
    assert run("attach", *there[1:3], folder=project) == 0, printed(project)
    assert statuses(project / "mlflow.db") == {"FINISHED": 1}
    assert list(account.jobs(name).values()) == ["Completed"]


@pytest.mark.slow
def test_without_a_machine_a_study_stops_and_the_next_command_does_the_trial_anew(
    project: Path, housing: Housing, account: Account, there: tuple[str, ...], name: str
) -> None:
    none_left = "rehearsal.faults=[{operation: sagemaker:CreateTrainingJob, kind: capacity, first: 2}]"
    stopped = housing("tune", *there, none_left, "study.trials=3", "algorithm.num_round=3")
    assert stopped.code == 6
    assert "found no machine" in stopped.err
    (study,) = studies(project / "mlflow.db")
    assert study.statuses["RUNNING"] == 0
    again = housing("tune", f"study.resume={study.name}", *there[1:3], "rehearsal.faults=[]")
    assert again.code == 0, again.err
    (whole,) = studies(project / "mlflow.db")
    assert whole.numbers == [0, 1, 2]
    assert sorted(account.jobs(name).values()) == ["Completed", "Completed", "Completed", "Failed"]


def test_a_job_that_is_refused_leaves_nothing_to_attach(
    project: Path, housing: Housing, there: tuple[str, ...]
) -> None:
    refused = housing("train", *there, "runner.instance_type=ml.m5.2xlarg")
    assert refused.code == 3
    assert "ml.m5.2xlarge" in refused.err
    assert statuses(project / "mlflow.db") == {"FAILED": 1}
    searched = housing("tune", *there, "runner.image_version=9.9-1", "study.trials=2")
    assert searched.code == 3
    assert "9.9-1" in searched.err
    assert "RUNNING" not in statuses(project / "mlflow.db")


def test_local_and_rehearsal_give_the_same_numbers(project: Path, housing: Housing, there: tuple[str, ...]) -> None:
    def of(answer: Answer) -> dict[str, float]:
        assert answer.code == 0, answer.err
        found: dict[str, float] = answer.data["metrics"]
        return found

    here = of(housing("train", there[2], "--json"))
    assert of(housing("train", *there, "--json")) == pytest.approx(here, rel=1e-6)


def test_a_job_that_no_run_knows_is_recorded(project: Path, housing: Housing, there: tuple[str, ...]) -> None:
    known = housing("train", *there, "--json")
    assert known.code == 0, known.err
    elsewhere = "tracking.uri=sqlite:///other.db"
    found = housing("attach", *there, elsewhere, "--json")
    assert found.code == 0, found.err
    assert len(found.data["runs"]) == 1
    assert statuses(project / "other.db") == {"FINISHED": 1}
    assert rounds(project / "other.db")
    assert housing("attach", *there, elsewhere, "--json").data["runs"] == []


def test_what_has_ended_is_not_attached_to(project: Path, housing: Housing, there: tuple[str, ...]) -> None:
    run_id = housing("train", there[2], "--json").data["run_id"]
    again = housing("attach", run_id[:8], there[2])
    assert again.code == 3
    assert "none of its jobs is still running (FINISHED)" in again.err
