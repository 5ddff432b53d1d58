"""Every key that housing writes into MLflow, with its meaning.

`python -m housing.tracking.schema` writes docs/record.md. Keys are tags of runs, except `BUNDLE_DIGEST`, a tag of
model versions, and `USED_AT_MS`, one of experiments. Records of earlier versions have the same keys: one whose meaning
changes gets a new name.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

PREFIX = "housing."
KIND = "housing.kind"
COMMAND = "housing.command"
OVERRIDES = "housing.overrides"
REQUEST = "housing.request"
CONFIG_HASH = "housing.config_hash"
CONFIG_SHA256 = "housing.config_sha256"
DATA_DIGEST = "housing.data_digest"
SPLIT_DIGEST = "housing.split_digest"
LEFT_OUT = "housing.left_out"
ENCODER_DIGEST = "housing.encoder_digest"
SCRIPT_DIGEST = "housing.script_digest"
HYPERPARAMETERS = "housing.hyperparameters"
STUDY = "housing.study"
STUDY_NAME = "housing.study_name"
STUDY_DIGEST = "housing.study_digest"
TRIAL = "housing.trial"
STATE = "housing.state"
POINT = "housing.point"
VALUES = "housing.values"
FITS = "housing.fits"
REFERENCES = "housing.references"
REPORTS = "housing.reports"
SECONDS = "housing.seconds"
REUSED_FROM = "housing.reused_from"
CHOICES = "housing.choices"
RANK = "housing.rank"
FRONT = "housing.front"
BEST = "housing.best"
BEST_RUN = "housing.best_run"
REASON = "housing.reason"
FAILURES = "housing.failures"
JOB = "housing.job"
JOB_DIGEST = "housing.job_digest"
BENCHMARK = "housing.benchmark"
TABLE = "housing.table"
ENTRANT = "housing.entrant"
OUTER = "housing.outer"
OUTER_DIGEST = "housing.outer_digest"
BAG = "housing.bag"
BLEND = "housing.blend"
MEMBER = "housing.member"
MEMBERS = "housing.members"
SOURCE_RUN = "housing.source_run"
GATE = "housing.gate"
HEADLINE = "housing.headline"
GATE_VERDICTS = "housing.gate_verdicts"
BUNDLE_DIGEST = "housing.bundle_digest"
ENDPOINT = "housing.endpoint"
DRIFT = "housing.drift"
INTERVALS = "housing.intervals"
TARGET = "housing.place"
SAME = "housing.same"
RENTED = "housing.rented"
PROCESS = "housing.process"
HOLDER = "housing.holder"
HEARTBEAT = "housing.heartbeat"
VERSION = "housing.version"
PYTHON = "housing.python"
GIT_COMMIT = "housing.git_commit"
GIT_DIRTY = "housing.git_dirty"
RESULT = "housing.result"
USED_AT_MS = "housing.used_at_ms"
NOTE = "mlflow.note.content"
"""MLflow's key for the description of a run, which its pages show as Markdown."""

MEANINGS: Mapping[str, str] = {
    KIND: "what the run is: `job`, `study`, `group` (a multirun), `run`, `final` (the final fit), `member` (of a bag "
    "or blend), `benchmark`, `outer` (one entrant on one outer part) or `monitoring`",
    COMMAND: "the command that wrote it, such as `train`",
    OVERRIDES: "the overrides of that command, secrets masked",
    REQUEST: "JSON: overrides, folder of configuration, number of our defaults; a command is composed again from them",
    CONFIG_HASH: "hash of the resolved configuration, without what decides no result",
    CONFIG_SHA256: "SHA-256 of the file `config.yaml` beside the run",
    DATA_DIGEST: "digest of the table that was read",
    LEFT_OUT: "JSON: rows of the source that are not in the table, by the key of the dataset that left them out",
    SPLIT_DIGEST: "digest of which rows are in which part",
    ENCODER_DIGEST: "digest of the fitted encoder",
    SCRIPT_DIGEST: "SHA-256 of the folder of the script that trained, where one did",
    HYPERPARAMETERS: "JSON: every hyperparameter of the job, with its type",
    STUDY: "name of the study that a trial belongs to",
    STUDY_NAME: "`study.name` of a study, by which the same command finds it again",
    STUDY_DIGEST: "digest of what must agree to continue a study: search space, objectives, data, everything fixed",
    TRIAL: "number of a trial, from 0, with leading zeros",
    STATE: "state of a trial: `complete`, `pruned`, `failed`, `interrupted`, or `abandoned` (its process died)",
    POINT: "JSON: the values that were proposed to a trial",
    VALUES: "JSON: the objectives of a trial, in the order of `study.objective`",
    FITS: "JSON: the first objective of each fit, of a trial that is a mean (`study.folds`, `study.repeats`)",
    REFERENCES: "JSON: on a study, what its trials are compared with (`naive`, `linear`), and the objectives of each",
    REPORTS: "JSON: what a trial reported by round, for pruners; long ones continue in `housing.reports.1` and so on",
    SECONDS: "how long a trial took, in seconds",
    REUSED_FROM: "id of the run whose result a trial took over",
    CHOICES: 'JSON: the options of configuration groups that a trial chose, such as `{"features": "domain"}`',
    RANK: "place of a trial among those of its study, from 1, with leading zeros",
    FRONT: "`true` for a trial that no other beats in every objective",
    BEST: "name of the best run below this one",
    BEST_RUN: "id of the best run below this one",
    REASON: "why a run failed or ended early",
    FAILURES: "the failed jobs of a multirun, a line each",
    JOB: "handles of the run's jobs at a place where they outlive the command, in the order of their starts, by blanks",
    JOB_DIGEST: "digest of everything that decides a job's result, by which `study.reuse` finds it",
    BENCHMARK: "name of the benchmark that a run, or an outer part of it, belongs to",
    TABLE: "of an outer part: the table that it is of",
    ENTRANT: "of an outer part: whose model was scored on it",
    OUTER: "of an outer part: the seed by which rows were dealt and its number, `0 3`",
    OUTER_DIGEST: "of an outer part: digest of everything that decides its score; finished ones are not done again",
    BAG: "how many models a bag has and what they differ by, such as `8 seeds`",
    BLEND: "JSON: the trials that a study blends, each by its run and weight",
    MEMBER: "number of a member among those of its model, from 0, with leading zeros",
    MEMBERS: "JSON: what a model consists of, by name and weight",
    SOURCE_RUN: "id of the run whose hyperparameters a final fit took",
    GATE: "`passed` or `refused`",
    HEADLINE: "of a final fit: its metric of the test part with its interval, beside the naive predictor's, in words",
    GATE_VERDICTS: "each rule of the gate with its verdict, a line each",
    BUNDLE_DIGEST: "on a model version: digest of the model's files",
    ENDPOINT: "the endpoint that a monitoring run looked at",
    INTERVALS: "of a final fit and its version: the coverage asked of its intervals, and what they held of test rows",
    DRIFT: "the verdict of a monitoring run; of each variant under `housing.drift.<variant>`",
    TARGET: "on the run of `housing run`: the target that trained",
    SAME: "on the run of `housing run`: digest of its configuration without the target, to compare targets by",
    RENTED: "what a job's machines were, such as `1 x ml.m5.2xlarge`",
    PROCESS: "host, boot and process that wrote the run: tells whether it is still alive",
    HOLDER: "on a study behind a server: the process that continues it",
    HEARTBEAT: "when that process was last alive, in seconds since 1970",
    VERSION: "version of housing",
    PYTHON: "version of Python",
    GIT_COMMIT: "commit of the working folder's repository",
    GIT_DIRTY: "`true` when tracked files had changes that no commit names",
    RESULT: "random, of a job whose result waited on disk for the record: by it one that was handed on before is found",
    USED_AT_MS: "on an experiment: when a command last wrote there, in milliseconds since 1970",
}

LIBRARY_VERSION = "housing.{library}_version"
"""One key for each library that determines a job's result: its version."""


def library_version(library: str) -> str:
    """The key of a library's version."""
    return LIBRARY_VERSION.format(library=library)


def is_known(key: str) -> bool:
    """Whether a key that begins with `housing.` is one of these, or begins with one of the prefixes."""
    families = (f"{REPORTS}.", f"{DRIFT}.")
    return key in MEANINGS or key.startswith(families) or (key.startswith("housing.") and key.endswith("_version"))


def document() -> str:
    """The page for those who query MLflow."""
    rows = "".join(f"| `{key}` | {meaning} |\n" for key, meaning in sorted(MEANINGS.items()))
    return _PAGE.format(rows=rows)


_PAGE = """\
# The record

What housing writes into MLflow, for those who query it. A study or a multirun is a parent run, each of its jobs a child
run (`mlflow.parentRunId`). Metrics are `<channel>_<metric>`, one value a round, in the label's own unit; the newest is
that of the model that was kept. Beside them stand `best_round` (rounds before the last one kept), `training_seconds`,
and, where somebody bills, `billed_seconds` and `cost_usd`. Parameters are the hyperparameters, `algorithm`, `dataset`,
`features`, `label_transform` and `seed`. Files are `config.yaml`, `encoder.json`, the model and the report.
The description (`mlflow.note.content`) of a study or another parent is what it found, that of a trial how it went, that
of a final fit and its version a model card.
Inputs are the parts of the dataset, each with its digest, its rows and the types of its columns.

MLflow's filter language finds runs by all of these:

```python
from mlflow import MlflowClient

good = "tags.`housing.kind` = 'job' and metrics.validation_mae < 20000"
runs = MlflowClient("sqlite:///mlflow.db").search_runs(["1"], good)
```

| tag | meaning |
|---|---|
| `housing.<library>_version` | version of a library that decides what a job gives, such as `housing.xgboost_version` |
{rows}"""


def main() -> None:
    """Write the page."""
    Path("docs", "record.md").write_text(document(), encoding="utf-8")


if __name__ == "__main__":
    main()
