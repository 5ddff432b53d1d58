"""What a study's trials train on and leave behind: choices of groups, folds, objectives, pruning."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from housing.tracking.reader import Run
from housing.tracking.runs import Runs
from tests.workflow.conftest import Housing

QUICK = ("algorithm.num_round=8", "study.parallel=2", "study.reproducible=true")


def trials_of(project: Path, study: str) -> list[Run]:
    return Runs.open(f"sqlite:///{project}/mlflow.db", "housing").children(study)


@pytest.mark.slow
def test_a_study_chooses_features_and_the_final_fit_takes_the_winners(housing: Housing, project: Path) -> None:
    tuned = housing("tune", "search_space=encodings", "study=random", "study.trials=6", *QUICK, "--json")
    assert tuned.code == 0, tuned.err
    children = trials_of(project, tuned.data["run_id"])
    assert {child.params["features"] for child in children} == {"plain", "domain"}
    widths = {child.params["features"]: child.tags["housing.encoder_digest"] for child in children}
    assert len(set(widths.values())) == 2
    best = min(children, key=lambda child: child.metrics["validation_mae"])
    assert tuned.data["best"]["run_id"] == best.id

    promoted = housing("promote", "--json", "gate.against_champion=nothing")
    assert promoted.code == 0, promoted.err
    runs = Runs.open(f"sqlite:///{project}/mlflow.db", "housing")
    final = runs.get(f"final from {best.name}")
    chosen = best.params["features"]
    assert final.params["features"] == chosen
    assert json.loads(final.tags["housing.choices"]) == {"features": chosen}
    assert "features" not in promoted.data["hyperparameters"]


def test_a_trial_over_folds_is_their_mean_and_never_sees_the_validation_part(housing: Housing, project: Path) -> None:
    tuned = housing("tune", "study.folds=3", "study.trials=3", *QUICK, "--json")
    assert tuned.code == 0, tuned.err
    for child in trials_of(project, tuned.data["run_id"]):
        folds = [child.metrics[f"validation_mae_fold_{fold}"] for fold in range(3)]
        assert len(set(folds)) == 3
        assert child.metrics["validation_mae"] == pytest.approx(sum(folds) / 3)
        assert child.metrics["validation_mae_sd"] > 0
        inputs = Runs.open(f"sqlite:///{project}/mlflow.db", "housing").client.get_run(child.id).inputs.dataset_inputs
        assert [tag.value for one in inputs for tag in one.tags] == ["train"]
    again = housing("tune", "study.folds=3", "study.trials=3", *QUICK, "--json")
    assert again.data["best"]["validation_mae"] == tuned.data["best"]["validation_mae"]


def test_a_trial_over_repeats_is_the_mean_over_seeds_and_ties_are_told(housing: Housing, project: Path) -> None:
    words = ("study.repeats=3", "study.trials=2", "study.configured_first=true", "algorithm.subsample=0.5", *QUICK)
    tuned = housing("tune", *words)
    assert tuned.code == 0, tuned.err
    study = Runs.open(f"sqlite:///{project}/mlflow.db", "housing").latest_study()
    assert study is not None
    first, other = (
        json.loads(child.tags["housing.fits"])
        for child in sorted(trials_of(project, study.id), key=lambda child: child.tags["housing.trial"])
    )
    assert len(set(first)) == len(set(other)) == 3
    alone = housing("train", "seed=1", "algorithm.subsample=0.5", *QUICK, "--json").data["metrics"]["validation_mae"]
    assert first[1] == alone, "a repeat is the job with the next seed"
    assert "± 95%" in tuned.out and "95% interval over 3 fits" in tuned.out

    tied = abs(np.mean(first) - np.mean(other)) <= 4.303 * np.std(np.subtract(first, other), ddof=1) / 3**0.5
    assert "ties with it" in tuned.out
    assert ("no other ties with it" not in tuned.out) == tied
    longer = housing("tune", f"study.resume={study.name}", "study.trials=3", "--json")
    assert longer.code == 0, longer.err
    assert longer.data["trials"] == 3


def test_a_linear_model_stands_beside_the_naive_predictor(housing: Housing, project: Path) -> None:
    small = ("dataset=penguins", "algorithm.num_round=3", "study.trials=2")
    tuned = housing("tune", "study.reference=true", *small)
    assert tuned.code == 0, tuned.err
    last = [line.split() for line in tuned.out.splitlines() if line.split()[:2] in (["-", "naive"], ["-", "linear"])]
    assert [line[1] for line in last] == ["naive", "linear"]
    alone = housing("train", "dataset=penguins", "algorithm=linear", "algorithm.alpha=0.01", "--json").data["metrics"][
        "validation_log_loss"
    ]
    study = Runs.open(f"sqlite:///{project}/mlflow.db", "penguins").latest_study()
    assert study is not None
    known = json.loads(study.tags["housing.references"])
    assert known["linear"] == {"validation_log_loss": alone}
    assert f"linear {alone:,.6g}" in housing("compare", study.name, "dataset=penguins").out


def test_the_same_stand_beside_a_final_fit_where_levels_are_read_as_such_too(housing: Housing, project: Path) -> None:
    small = ("dataset=penguins", "algorithm.num_round=3", "features.nominal=native", "study.reference=true")
    assert housing("train", *small).code == 0
    promoted = housing("promote", "gate.beats=null", *small, "--json")
    assert promoted.code == 0, promoted.err
    beside = promoted.data["references"]
    assert [*beside] == ["naive", "linear"]
    assert beside["linear"]["log_loss"] < 0.2 < promoted.data["metrics"]["test_log_loss"] < beside["naive"]["log_loss"]
    run = Runs.open(f"sqlite:///{project}/mlflow.db", "penguins").get(promoted.data["run_id"])
    assert f"A plain fit of linear has {beside['linear']['log_loss']:.4g}" in run.tags["housing.headline"]
    assert "| naive predictor | linear |" in run.tags["mlflow.note.content"]


def test_a_study_goes_on_where_its_sampler_fits_no_search_space_but_its_own(housing: Housing) -> None:
    small = ("dataset=penguins", "algorithm.num_round=3", "study.reproducible=true", "--json")
    begun = housing("tune", "study=zip", "~search_space", "algorithm.eta=choice(0.3,0.1)", "study.trials=2", *small)
    assert begun.code == 0, begun.err
    resume = (f"study.resume={begun.data['name']}", "study.trials=4", "study=zip", "dataset=penguins", "--json")
    gone_on = housing("tune", *resume)
    assert gone_on.code == 0, gone_on.err
    assert gone_on.data["trials"] == 3
    finished = housing("tune", *resume[:-1])
    assert "the space has no other points" in finished.out
    assert "study.resume" not in finished.out, "there is nothing to continue with"


def test_hopeless_folds_are_pruned_and_recorded_with_what_they_had(housing: Housing, project: Path) -> None:
    spread = "algorithm.eta=choice(0.01,0.02,0.3,0.4,0.5)"
    tuned = housing(
        "tune",
        spread,
        "~search_space.max_depth",
        "study=folds",
        "study.folds=3",
        "study.sampler=grid",
        *QUICK,
        "--json",
    )
    assert tuned.code == 0, tuned.err
    children = trials_of(project, tuned.data["run_id"])
    assert len(children) == 5
    pruned = [child for child in children if child.tags["housing.state"] == "pruned"]
    for child in pruned:
        assert child.status == "KILLED"
        assert "validation_mae_fold_2" not in child.metrics
        assert "housing.rank" not in child.tags


def test_of_two_objectives_the_front_is_tagged_and_the_first_one_leads(housing: Housing, project: Path) -> None:
    tuned = housing("tune", "study=pareto", "study.trials=8", *QUICK, "--json")
    assert tuned.code == 0, tuned.err
    children = trials_of(project, tuned.data["run_id"])
    values = {child.id: (child.metrics["validation_mae"], child.metrics["training_seconds"]) for child in children}
    unbeaten = {
        run
        for run, own in values.items()
        if not any(other != own and all(a <= b for a, b in zip(other, own, strict=True)) for other in values.values())
    }
    assert {child.id for child in children if child.tags["housing.front"] == "true"} == unbeaten
    assert {child.id for child in children if child.tags["housing.rank"] == "001"} == unbeaten
    assert tuned.data["best"]["run_id"] == min(values, key=lambda run: values[run])


def test_a_pruned_trial_never_wins(housing: Housing, project: Path) -> None:
    spread = "algorithm.eta=choice(0.01,0.02,0.03,0.2,0.3,0.4)"
    tuned = housing(
        "tune",
        spread,
        "~search_space.max_depth",
        "study=median",
        "study.sampler=grid",
        "study.configured_first=false",
        "study.startup_trials=2",
        "study.prune_every=2",
        "study.prune_after=2",
        "algorithm.num_round=30",
        "study.parallel=1",
        "--json",
    )
    assert tuned.code == 0, tuned.err
    children = trials_of(project, tuned.data["run_id"])
    by_state = {
        state: [child for child in children if child.tags["housing.state"] == state] for state in ("pruned", "complete")
    }
    assert len(by_state["pruned"]) + len(by_state["complete"]) == 6
    assert by_state["pruned"]
    assert {child.status for child in by_state["pruned"]} == {"KILLED"}
    assert {child.status for child in by_state["complete"]} == {"FINISHED"}
    assert not any("housing.rank" in child.tags for child in by_state["pruned"])
    assert tuned.data["best"]["run_id"] in {child.id for child in by_state["complete"]}


def test_a_failed_trial_says_why_and_the_others_go_on(housing: Housing, project: Path) -> None:
    tuned = housing(
        "tune",
        "algorithm.max_depth=choice(0,3,4)",  # XGBoost's exact method refuses trees without a limit
        "algorithm.tree_method=exact",
        "~search_space.eta",
        "study=grid",
        "study.configured_first=false",
        *QUICK,
        "--json",
    )
    assert tuned.code == 0, tuned.err
    children = trials_of(project, tuned.data["run_id"])
    failed = [child for child in children if child.tags["housing.state"] == "failed"]
    assert [(child.params["max_depth"], child.status) for child in failed] == [("0", "FAILED")]
    assert "depth" in failed[0].tags["housing.reason"]
    assert sorted(child.status for child in children) == ["FAILED", "FINISHED", "FINISHED"]


COUNTED = """
name: visits
source: visits.csv
label: visits
split: {fractions: {train: 0.6, validation: 0.2, test: 0.2}, seed: 0}
task: count
columns:
  age: {kind: numeric}
  visits: {kind: numeric, low: 0}
"""


@pytest.mark.parametrize("folds", [1, 2])
def test_a_trial_whose_objective_is_not_defined_fails_and_the_others_go_on(
    housing: Housing, project: Path, folds: int
) -> None:
    rng = np.random.default_rng(0)
    rows = "".join(f"{age},{rng.poisson(0.3)}\n" for age in rng.integers(20, 80, 200))
    (project / "visits.csv").write_text("age,visits\n" + rows)
    (project / "conf" / "dataset").mkdir(parents=True, exist_ok=True)
    (project / "conf" / "dataset" / "visits.yaml").write_text(COUNTED)
    forest = ("algorithm=forest", "algorithm.n_estimators=3", "algorithm.criterion=choice(squared_error,poisson)")
    study = ("study=grid", f"study.folds={folds}", "study.configured_first=false")
    own = ("search_space=forest/quick", "~search_space.max_features", "~search_space.min_samples_leaf")
    tuned = housing("tune", "--config-dir", "conf", "dataset=visits", *forest, *study, *own, "--json")
    assert tuned.code == 0, tuned.err
    by_criterion = {
        child.params["criterion"]: child
        for child in Runs.open(f"sqlite:///{project}/mlflow.db", "visits").children(tuned.data["run_id"])
    }
    assert by_criterion["poisson"].metrics["validation_poisson_deviance"] > 0
    assert by_criterion["squared_error"].tags["housing.reason"] == "validation_poisson_deviance is nan"
