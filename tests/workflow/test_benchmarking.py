"""`housing benchmark`: outer parts that nobody tunes on, each scored once, and a table from the record alone."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas
import pytest

from housing.config.load import load
from housing.data.outer_split import beyond
from housing.data.preparation import prepare
from housing.tracking import schema
from housing.tracking.reader import Run
from housing.tracking.runs import Runs
from tests.workflow.conftest import Housing

MINE = ("--config-dir", "conf", "dataset=flats")
TINY = ("algorithm.num_round=6", "study.trials=2", "benchmark.folds=3", "benchmark.seeds=[0]")
ENTRANTS = """\
name: small
folds: 3
seeds: [0]
entrants:
  searched: {overrides: [study.trials=2, algorithm.num_round=8]}
  plain: {overrides: [algorithm=linear], search: false}
  another: {overrides: [], needs: a_library_of_nobody}
"""


@pytest.fixture
def flats(project: Path, housing: Housing) -> pandas.DataFrame:
    """A table of 120 rows, 30 of them claimed for test by a column, and its description."""
    draw = np.random.RandomState(3)
    table = pandas.DataFrame(
        {
            "area": draw.randint(20, 200, 120),
            "floor": draw.randint(0, 9, 120),
            "held": ["later"] * 30 + ["now"] * 90,
        }
    )
    table["rent"] = table["area"] * 11 + table["floor"] * 20 + draw.normal(0, 40, 120)
    table.to_csv(project / "flats.csv", index=False)
    text = housing("describe", "flats.csv", "--label", "rent").out
    head, _, columns = text.partition("columns:")
    assert "split:" in head
    split = "split:\n  by_column: {column: held, test: [later]}\n  fractions: {train: 0.8, validation: 0.2}\n"
    head = head.split("split:")[0] + split
    folder = project / "conf" / "dataset"
    folder.mkdir(parents=True)
    (folder / "flats.yaml").write_text(f"{head}columns:{columns}", encoding="utf-8")
    (project / "conf" / "benchmark").mkdir()
    (project / "conf" / "benchmark" / "small.yaml").write_text(ENTRANTS, encoding="utf-8")
    return table


def outer_runs(project: Path, name: str) -> list[Run]:
    return Runs.open(f"sqlite:///{project}/mlflow.db", name).with_tags({schema.KIND: "outer"})


def test_outer_parts_cover_every_row_once_and_leave_the_claimed_ones_alone(
    flats: pandas.DataFrame, project: Path
) -> None:
    seen = []
    for fold in range(3):
        outer = f"dataset.split.outer={{folds: 3, fold: {fold}, seed: 1}}"
        experiment = load(["dataset=flats", outer], project / "conf")
        prepared = prepare(experiment.dataset, experiment.features)
        parts = prepared.parts
        seen += parts.test.tolist()
        assert beyond(prepared.table, parts).tolist() == list(range(30))
        assert not set(parts.train) & set(parts.validation)
        assert sorted([*parts.train, *parts.validation, *parts.test]) == list(range(30, 120))
        assert len(parts.validation) == 12
    assert sorted(seen) == list(range(30, 120))


@pytest.mark.slow
def test_a_benchmark_is_a_table_of_the_record_and_does_nothing_twice(
    flats: pandas.DataFrame, project: Path, housing: Housing
) -> None:
    first = housing("benchmark", *MINE, "benchmark=small", "--json")
    assert first.code == 0, first.err
    assert first.data["left_out"] == {"another": "a_library_of_nobody"}
    by_entrant = {standing["entrant"]: standing for standing in first.data["standings"]}
    assert by_entrant.keys() == {"searched", "plain"}
    assert by_entrant["plain"]["optimism"] is None, "nothing was chosen for it"
    assert by_entrant["searched"]["optimism"] is not None
    for standing in by_entrant.values():
        assert standing["parts"] == 3
        assert standing["outer"] < standing["naive"]
        assert standing["beyond"] > 0
    runs = outer_runs(project, "benchmark-small")
    assert len(runs) == 6
    record = Runs.open(f"sqlite:///{project}/mlflow.db", "benchmark-small")
    for run in runs:
        kinds = sorted(child.kind or "" for child in record.children(run.id))
        assert kinds == (["final", "job", "study"] if run.tags[schema.ENTRANT] == "searched" else ["final"])

    again = housing("benchmark", *MINE, "benchmark=small", "--json")
    assert again.data["standings"] == first.data["standings"]
    assert "6 of them in the record already" in again.err
    assert len(outer_runs(project, "benchmark-small")) == 6
    more = housing("benchmark", *MINE, "benchmark=small", "benchmark.seeds=[0,1]", "--json")
    assert more.code == 0, more.err
    assert len(outer_runs(project, "benchmark-small")) == 12


def test_what_is_tuned_does_not_depend_on_the_labels_of_the_outer_part(
    flats: pandas.DataFrame, project: Path, housing: Housing
) -> None:
    def inner(name: str) -> list[tuple[str, float]]:
        done = housing("benchmark", *MINE, *TINY, f"name={name}", "--json")
        assert done.code == 0, done.err
        return sorted((run.tags[schema.OUTER], run.metrics["inner_mae"]) for run in outer_runs(project, name))

    before = inner("before")
    outer = "dataset.split.outer={folds: 3, fold: 0, seed: 0}"
    experiment = load(["dataset=flats", "seed=0", outer], project / "conf")
    held = prepare(experiment.dataset, experiment.features).parts.test
    flats.loc[held, "rent"] = flats.loc[held, "rent"].to_numpy()[::-1] + 5
    flats.to_csv(project / "flats.csv", index=False)
    after = inner("after")
    assert before[0] == after[0], "the study of outer part 0 has not seen its rows"
    assert before[1:] != after[1:], "those of the others have"


@pytest.mark.slow
def test_outer_parts_may_be_at_work_in_processes_and_one_that_fails_is_told(
    flats: pandas.DataFrame, project: Path, housing: Housing
) -> None:
    text = ENTRANTS.replace("[algorithm=linear]", "['dataset.split.fractions={train: 1.0, validation: 0.0}']")
    (project / "conf" / "benchmark" / "small.yaml").write_text(text, encoding="utf-8")
    done = housing("benchmark", *MINE, "benchmark=small", "benchmark.parallel=2", "--json")
    assert done.code == 1
    assert len(done.data["failures"]) == 3
    assert all("plain" in line and "leaves no rows for validation" in line for line in done.data["failures"])
    (standing,) = done.data["standings"]
    assert (standing["entrant"], standing["parts"]) == ("searched", 3)
    words = ("benchmark=small", "benchmark.parallel=2", "benchmark.entrants.plain.overrides=[]")
    mended = housing("benchmark", *MINE, *words, "--json")
    assert mended.code == 0, mended.err
    assert "3 of them in the record already" in mended.err


@pytest.mark.parametrize(
    ("words", "rule"),
    [
        (("benchmark.folds=1",), "benchmark.folds (command line) must be 2 or more"),
        (("benchmark.seeds=[0,0]",), "benchmark.seeds (command line) needs one seed, or several different ones"),
        (("benchmark=suit",), "suite"),
        (("benchmark.tables={mine: {source: nobody/here.csv, label: y}}",), "pip install nobody"),
        (("dataset.split.outer={folds: 3, fold: 3}",), "fold must lie in [0, folds)"),
    ],
)
def test_what_makes_no_sense_is_refused_before_a_run(words: tuple[str, ...], rule: str, housing: Housing) -> None:
    refused = housing("benchmark", *words)
    assert refused.code == 3
    assert rule in " ".join(refused.err.split())
    assert not Path("mlflow.db").exists()
