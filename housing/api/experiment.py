"""An experiment in a program: composed from the same files and overrides, with the commands as methods."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from housing.api.execution import composed, execute
from housing.api.reporters import LogReporter, NotebookReporter, in_notebook
from housing.api.result import RecordedRuns, Result, result_of
from housing.secrets import masked_override
from housing.workflow.outcome import Reporter

if TYPE_CHECKING:
    import pandas as pd

    from housing.config import schema

StrPath = str | os.PathLike[str]


def compose(*overrides: str, config_dir: StrPath | None = None, progress: bool = False) -> Experiment:
    """The experiment that these overrides choose, `housing.compose("dataset=mine", "algorithm.eta=0.1")`.

    `config_dir` is your own conf/, whose files win over ours of the same name. With `progress`, what happens is written
    to stderr as on the command line, in a notebook to one line that is written anew; else it goes to the logger
    `housing`. Raises ConfigError with every fault.
    """
    folder = Path(config_dir) if config_dir is not None else None
    experiment = Experiment(overrides, folder, _progress if progress else LogReporter)
    _ = experiment.config
    return experiment


class Experiment:
    """Overrides and a folder of configuration; nothing is read or opened before a method needs it.

    Each method does what the command of the same name does, records the same, and raises the same errors, all of them
    `housing.HousingError`. It may be called from several threads; each call composes again. Paths are relative to the
    working folder.
    """

    def __init__(
        self, overrides: Sequence[str], config_dir: Path | None = None, reporter: Callable[[], Reporter] = LogReporter
    ) -> None:
        self.overrides = tuple(overrides)
        self.config_dir = config_dir
        self._reporter = reporter

    def __repr__(self) -> str:
        words = [
            *map(repr, map(masked_override, self.overrides)),
            *([f"config_dir={str(self.config_dir)!r}"] if self.config_dir else []),
        ]
        return f"housing.compose({', '.join(words)})"

    @property
    def config(self) -> schema.Experiment:
        """The checked configuration, as frozen dataclasses. Raises ConfigError."""
        return composed("tune", self.overrides, self.config_dir)[1]

    def override(self, *overrides: str) -> Experiment:
        """The same with more overrides, which take precedence. Raises ConfigError."""
        changed = Experiment((*self.overrides, *overrides), self.config_dir, self._reporter)
        _ = changed.config
        return changed

    def prepare(self) -> Result:
        """Read and check the dataset once for all later commands; `data["rows"]` counts them. Raises DataError."""
        return self._do("prepare")

    def run(self) -> Result:
        """Train, tune, promote, deploy, and predict a few rows. Raises GateRefused, with nothing deployed."""
        return self._do("run")

    def train(self) -> Result:
        """One training job; `data["metrics"]` are those of the model that it kept."""
        return self._do("train")

    def tune(self) -> Result:
        """A study; `data["best"]` is its best trial. Raises TrainingError when no trial finished."""
        return self._do("tune")

    def sweep(self, *values: str, command: str = "train") -> Result:
        """A job for each combination of values, `sweep("algorithm.eta=0.1,0.3", "seed=0,1")`, as `-m` does.

        `command` is `train` or `tune`. A job that fails has its `failure` in `data["jobs"]`; the others continue.
        """
        from housing.api.multirun import multirun

        if command not in ("train", "tune"):
            raise ValueError(f"command must be train or tune, got {command!r}")
        overrides = (*self.overrides, *values)
        outcome = multirun(command, overrides, self.config_dir, self._reporter)
        return replace(result_of(command, outcome), page_of=self.report)

    def dry_run(self, *values: str, command: str = "tune") -> Result:
        """The jobs that `tune`, or `train` with these values, would train; nothing is trained or recorded.

        `data["jobs"]` names them, with the finished run that is the same job and the seconds of jobs like it, both None
        where there are none; `data["expected_seconds"]` and what is printed of costs are of all of them together.
        """
        from housing.api.planned import planned

        if command not in ("train", "tune"):
            raise ValueError(f"command must be train or tune, got {command!r}")
        if values and command != "train":
            raise ValueError("values of several jobs need command='train'; `override` is for a study")
        overrides, several = (*self.overrides, *values), bool(values)
        return result_of(command, planned(command, overrides, self.config_dir, self._reporter(), multirun=several))

    def promote(self) -> Result:
        """The final fit of the best run of the latest study, or of `candidate`; the gate; the alias.

        Raises GateRefused if the candidate does not pass; then nothing has changed.
        """
        return self._do("promote")

    def plan(self) -> Result:
        """What `deploy` would change; `changes` counts it."""
        return self._do("plan")

    def deploy(self) -> Result:
        """Make the endpoint what the deployment says."""
        return self._do("deploy")

    def destroy(self) -> Result:
        """Remove the endpoint; runs and registered models stay."""
        return self._do("destroy")

    def status(self, endpoint: str | None = None, *, html: StrPath | None = None) -> Result:
        """What is served: one endpoint, or all; `html` is the file to write a page of it to."""
        return self._do("status", endpoint=endpoint, html=_path(html))

    def predict(
        self, rows: pd.DataFrame | StrPath, *, interval: float | None = None, explain: int | None = None
    ) -> pd.DataFrame:
        """Answers of the endpoint to raw rows: a frame, or a file (CSV, CSV.gz, Parquet). A label is ignored.

        One row each, with the index of `rows` where it is a frame: `prediction`, `probability_<level>` of a label with
        levels, `variant`. With `interval` also `low` and `high`, or `levels`; with `explain` also `base`, and by turns
        `column_1`, `effect_1` and so on, then `other_effects`.
        """
        import pandas as pd

        if not isinstance(rows, pd.DataFrame):
            return self._predicted(Path(rows), interval, explain)
        with TemporaryDirectory() as folder:
            file = Path(folder) / "rows.csv"
            self._write(rows, file)
            return self._predicted(file, interval, explain).set_index(rows.index)

    def predict_file(
        self, source: StrPath, output: StrPath, *, batch: bool = False, interval: float | None = None
    ) -> Result:
        """Answer a file of any size into the CSV file `output`; the same call goes on with what was interrupted.

        By the endpoint, or with `batch` by a batch transform job of its target, also of a file in S3.
        """
        if batch:
            return self._do("predict", batch=str(source), output=Path(output), interval=interval)
        own = str(source) if "://" in str(source) else Path(source)
        return self._do("predict", file=own, output=Path(output), interval=interval)

    def _write(self, rows: pd.DataFrame, file: Path) -> None:
        """Write rows in the dataset's own file format, since they are read the same way."""
        dataset = self.config.dataset
        with file.open("w", encoding=dataset.encoding, newline="") as text:
            text.write("\n" * dataset.skip_lines)
            rows.to_csv(text, index=False, sep=dataset.separator, decimal=dataset.decimal)
            text.write(f"{dataset.separator}\n" * dataset.footer_lines)

    def monitor(
        self, endpoint: str | None = None, *, labels: StrPath | None = None, html: StrPath | None = None
    ) -> Result:
        """What the endpoint saw, compared with what it was trained on; `findings` counts drift and clear differences.

        `html` is the file to write its page to.
        """
        return self._do("monitor", endpoint=endpoint, labels=_path(labels), html=_path(html))

    def lineage(self, endpoint: str | None = None) -> Result:
        """From the endpoint back to data and code."""
        return self._do("lineage", endpoint=endpoint or self.config.deployment.endpoint)

    def compare(self, *runs: str, top: int | None = None, html: StrPath | None = None, sets: bool = False) -> Result:
        """Runs side by side, by id, name or study; none: the best trials of the latest study.

        With `sets`, or where one is a filter in MLflow's language, each stands for all of its runs:
        `compare("tune-a", "tune-b", sets=True)` says which set is better, or that chance explains the difference.
        """
        own: dict[str, Any] = {"runs": runs, "html": _path(html), "sets": sets}
        return self._do("compare", **own, **({"top": top} if top is not None else {}))

    def runs(self, filter: str = "") -> pd.DataFrame:  # noqa: A002 - MLflow's own name for it
        """The record as a table, a row for each run, newest first.

        `filter` is in MLflow's language: `metrics.validation_mae < 20000 and tags.`housing.kind` = 'job'`. Columns are
        run_id, name, kind, status, started (UTC), seconds, parent, and params.*, metrics.*, tags.*; what a run does not
        have is missing.
        """
        return runs(filter, *self.overrides, config_dir=self.config_dir).frame()

    def report(self, run_id: str) -> str:
        """The page of a run, HTML in one file. Raises TrackingError for a run that has none."""
        from housing.tracking.runs import Runs

        return Runs.open(self.config.tracking.uri, self.config.name).read_file(run_id, "report.html").decode()

    def _do(self, command: str, **own: Any) -> Result:
        outcome = execute(command, self.overrides, self.config_dir, self._reporter(), **own)
        return replace(result_of(command, outcome), page_of=self.report)

    def _predicted(self, file: Path, interval: float | None, explain: int | None) -> pd.DataFrame:
        import pyarrow as pa
        from pyarrow import csv

        dataset = self.config.dataset
        outcome = execute(
            "predict", self.overrides, self.config_dir, self._reporter(), file=file, interval=interval, explain=explain
        )
        # Read as text: a level may look like a number, or like a missing value.
        kinds = {"variant": pa.string(), **({dataset.label: pa.string()} if dataset.label_levels else {})}
        options = csv.ConvertOptions(column_types=kinds, strings_can_be_null=False)
        table = csv.read_csv(pa.BufferReader(str(outcome.raw).encode()), convert_options=options)
        frame: pd.DataFrame = table.to_pandas()
        return frame.rename(columns={dataset.label: "prediction"})


def runs(filter: str = "", *overrides: str, config_dir: StrPath | None = None) -> RecordedRuns:  # noqa: A002
    """The record of an experiment, newest run first: `housing.runs("metrics.validation_mae < 20000").frame()`.

    `filter` is in MLflow's own language; `overrides` choose the experiment (`name=mine`) and the record
    (`tracking.uri=...`). Raises TrackingError where nothing is recorded yet.
    """
    folder = Path(config_dir) if config_dir is not None else None
    outcome = execute("runs", overrides, folder, LogReporter(), filter=filter)
    return RecordedRuns(**vars(result_of("runs", outcome)))


def describe(
    file: StrPath,
    *,
    label: str,
    separator: str | None = None,
    sheet: str | None = None,
    table: str | None = None,
    query: str | None = None,
    task: str | None = None,
) -> str:
    """The text of a conf/dataset/*.yaml for a table, its guesses marked. Raises DataError.

    `file` may be the address of a database, of which `table` or `query` names the rows.
    """
    from housing.config.group_schemas import installed_modeline
    from housing.data.asked_source import asked_source
    from housing.data.describe import describe as described

    reporter = LogReporter()
    return installed_modeline("dataset") + described(
        asked_source(os.fspath(file), table=table, query=query),
        label,
        separator=separator,
        sheet=sheet,
        task=task,
        tell=lambda text: reporter.step("describe", text),
    )


def _path(given: StrPath | None) -> Path | None:
    return Path(given) if given is not None else None


def _progress() -> Reporter:
    if in_notebook():
        return NotebookReporter()
    from housing.console import Console

    return Console(as_json=True)  # everything for people goes to stderr
