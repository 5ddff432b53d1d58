"""`housing new`: a new project's folder."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

from housing.config.files import conf_dir
from housing.config.group_schemas import MODELINE
from housing.errors import ConfigError

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]*")
_EXAMPLE = "penguins"


def new(
    folder: Path, *, data: Path | None = None, label: str | None = None, tell: Callable[[str], None] = lambda _: None
) -> list[Path]:
    """Make a project for a data file whose column `label` is to be predicted, or an example project; return its files.

    Raises ConfigError where the folder exists already, DataError where the data cannot be described; then nothing is
    left behind.
    """
    name = folder.name
    if not _NAME.fullmatch(name):
        raise ConfigError(f"{folder}: its name must begin with a letter and hold letters, digits, - and _ alone")
    if folder.exists():
        raise ConfigError(f"{folder}: is there already; choose another name, or move it away")
    if not folder.absolute().parent.is_dir():
        raise ConfigError(f"{folder}: there is no folder {folder.parent}; make it first")
    if (data is None) != (label is None):
        raise ConfigError(
            "--data and --label: go together, for example: housing new shop --data homes.csv --label price"
        )
    files = _files(name, _EXAMPLE if data is None else _dataset_name(data))
    with TemporaryDirectory(prefix=f".{name}-", dir=folder.absolute().parent) as unfinished:
        made = Path(unfinished, name)
        if data is not None and label is not None:
            made.joinpath("data").mkdir(parents=True)
            copied = _copied(data, made / "data" / data.name)
            files[f"conf/dataset/{_dataset_name(data)}.yaml"] = _described(copied, label, tell)
        files |= _schemas()
        for path, text in files.items():
            file = made / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
        made.rename(folder)
    return sorted(path for path in folder.rglob("*") if path.is_file())


def _dataset_name(data: Path) -> str:
    return re.sub(r"[^A-Za-z0-9_-]+", "_", data.name.partition(".")[0]).strip("_") or "mine"


def _copied(data: Path, to: Path) -> Path:
    try:
        source = data.open("rb")
    except OSError as error:
        raise ConfigError(f"--data {data}: cannot be read: {error.strerror}") from error
    with source, to.open("wb") as copy:
        shutil.copyfileobj(source, copy)
    return to


def _described(file: Path, label: str, tell: Callable[[str], None]) -> str:
    """The dataset's YAML; its source is relative to the project's folder, where commands are run."""
    from housing.data.describe import describe

    text = f"{MODELINE}../dataset.schema.json\n" + describe(file, label, tell=tell)
    return re.sub(r"(?m)^source: .*$", f"source: data/{file.name}", text, count=1)


def _schemas() -> dict[str, str]:
    """The JSON Schemas by which an editor checks the files of conf/."""
    return {f"conf/{file.name}": file.read_text(encoding="utf-8") for file in conf_dir().glob("*.schema.json")}


def _files(name: str, dataset: str) -> dict[str, str]:
    words: Mapping[str, str] = {"name": name, "dataset": dataset}
    return {path: text.replace("{name}", name).replace("{dataset}", words["dataset"]) for path, text in _TEXTS.items()}


_TEXTS = {
    "conf/experiment/project.yaml": f"""\
# @package _global_
{MODELINE}../config.schema.json
# What this project runs: housing run --config-dir conf experiment=project
defaults:
  - override /dataset: {{dataset}}

name: {{name}} # the experiment in MLflow, and the stem of the names of model and endpoint

study:
  trials: 20
""",
    "README.md": """\
# {name}

```bash
pip install housing
housing run --config-dir conf experiment=project      # data, study, final fit, gate, endpoint, predictions
```

| what | where |
|---|---|
| the data and its columns | `conf/dataset/`; for another file: `housing describe FILE --label COLUMN` |
| what is run | `conf/experiment/project.yaml` |
| the record | `mlflow.db`, shown by `housing ui`; or a server, whose address is in `MLFLOW_TRACKING_URI` |

`housing tune --config-dir conf experiment=project` only searches, `housing promote ...` makes its best trial the
champion if the gate lets it pass, `housing plan ...` shows what a deployment would change.
`.github/workflows/model.yml` checks the configuration and plans on each pull request, and promotes on `main`. Give the
repository a secret `MLFLOW_TRACKING_URI` with the address of a tracking server, so that the record outlives the run.
""",
    ".gitignore": """\
mlflow.db*
mlruns/
.housing/
__pycache__/
.venv/
""",
    ".github/workflows/model.yml": """\
name: model
on:
  pull_request:
  push: {branches: [main]}
permissions: {contents: read}
env:
  # A server's address; without that secret the record is a file of the runner, which is gone afterwards.
  MLFLOW_TRACKING_URI: ${{ secrets.MLFLOW_TRACKING_URI || 'sqlite:///mlflow.db' }}
jobs:
  plan:
    if: github.event_name == 'pull_request'
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v4
      - uses: actions/setup-python@v5
        with: {python-version: "3.12", cache: pip}
      - run: pip install housing
      - run: housing train --cfg job --config-dir conf experiment=project # refuses a configuration that is wrong
      - if: ${{ !startsWith(env.MLFLOW_TRACKING_URI, 'sqlite') }}
        run: housing plan --config-dir conf experiment=project >> "$GITHUB_STEP_SUMMARY"
  promote:
    if: github.event_name == 'push'
    runs-on: ubuntu-latest
    concurrency: promote
    steps:
      - uses: actions/checkout@v4
      - uses: actions/setup-python@v5
        with: {python-version: "3.12", cache: pip}
      - run: pip install housing
      - run: housing tune --config-dir conf experiment=project
      - run: housing promote --config-dir conf experiment=project # exit code 4 if the gate refuses
""",
}
