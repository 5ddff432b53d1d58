from __future__ import annotations

import json
import subprocess
import sys
import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from housing.algorithms.script import pack
from housing.errors import DataError
from housing.testing.models import EXAMPLE, price_bundle
from housing.training.artifact import (
    Bundle,
    predicting_part,
    read_bundle,
    save_mlflow_model,
    write_bundle,
)
from housing.training.bundle_files import check_bundle
from housing.training.predictor import Predictor


@pytest.fixture(scope="module")
def bundle() -> Bundle:
    return price_bundle()


def test_what_predicts_needs_nothing_else_of_housing(tmp_path: Path) -> None:
    for name, content in predicting_part().items():
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
    modules = [name.removesuffix(".py").replace("/", ".") for name in predicting_part() if "__init__" not in name]
    code = f"import sys\nsys.path.insert(0, {str(tmp_path)!r})\n" + "\n".join(f"import {name}" for name in modules)
    known = "{m.__file__ for n, m in sys.modules.items() if n.startswith('housing') and m.__file__}"
    told = f"{code}\nprint(*{known}, sep=chr(10))"
    done = subprocess.run([sys.executable, "-P", "-c", told], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    files = [Path(file) for file in done.stdout.splitlines()]
    assert len(files) >= len(modules)
    # Where housing is installed as its source, an import that is missing here would be found there.
    assert [file for file in files if not file.is_relative_to(tmp_path)] == []


def test_a_bundle_comes_back_as_it_was_written(bundle: Bundle, tmp_path: Path) -> None:
    write_bundle(tmp_path / "bundle", bundle)

    assert read_bundle(tmp_path / "bundle") == bundle
    assert sorted(p.name for p in tmp_path.rglob("*")) == ["bundle", "bundle.json", "encoder.json", "model.ubj"]


def test_a_bundle_says_what_made_it(bundle: Bundle, tmp_path: Path) -> None:
    write_bundle(tmp_path / "bundle", bundle)

    about = json.loads((tmp_path / "bundle" / "bundle.json").read_text())
    assert about["algorithm"] == "xgboost"
    assert about["versions"]["xgboost"].startswith("3.2")
    assert about["versions"]["housing"]


def test_the_same_model_gives_the_same_bytes(bundle: Bundle) -> None:
    assert bundle.files() == price_bundle().files()


def test_every_missing_altered_and_foreign_file_is_named(bundle: Bundle, tmp_path: Path) -> None:
    folder = tmp_path / "bundle"
    write_bundle(folder, bundle)
    (folder / "model.ubj").write_bytes(bundle.model[:-1])
    (folder / "encoder.json").unlink()
    (folder / "extra.pkl").touch()

    with pytest.raises(DataError) as e:
        check_bundle(folder)
    for fault in ("model.ubj is not the file that was written", "encoder.json is missing", "extra.pkl does not belong"):
        assert fault in str(e.value)


@pytest.mark.parametrize("content", ["", "{", "[]", '{"sha256": {}}', '{"model_file": 3, "sha256": {}}'])
def test_a_folder_without_a_readable_description_is_no_bundle(bundle: Bundle, tmp_path: Path, content: str) -> None:
    write_bundle(tmp_path / "bundle", bundle)
    (tmp_path / "bundle" / "bundle.json").write_text(content)

    with pytest.raises(DataError, match="not a model bundle"):
        read_bundle(tmp_path / "bundle")


def test_the_mlflow_model_answers_what_pandas_reads_from_a_file(bundle: Bundle, tmp_path: Path) -> None:
    """Whole numbers, an all-empty text column and extra columns: what a strict MLflow signature refuses."""
    model = _save(bundle, tmp_path)

    import mlflow.pyfunc
    import pandas

    rows = pandas.DataFrame({"Id": [1, 2], "Area": [900, 2000], "Alley": [None, None], "Zone": ["RL", "RM"]})
    answer = mlflow.pyfunc.load_model(str(model)).predict(rows)

    write_bundle(tmp_path / "bundle", bundle)
    columns = {name: rows[name].tolist() for name in rows.columns}
    assert answer.dtype == np.float64
    assert answer.tolist() == Predictor.load(tmp_path / "bundle").predict_columns(columns).values.tolist()
    assert 50_000 < answer[0] < answer[1] < 500_000


def test_the_mlflow_model_predicts_where_housing_is_not_installed(bundle: Bundle, tmp_path: Path) -> None:
    """From its own copy of the code, found on the path that MLflow adds, and with nothing of MLflow imported."""
    model = _save(bundle, tmp_path)
    code = (
        "import sys; from housing.training.artifact import _load_pyfunc\n"
        "import pandas, housing\n"
        f"print(housing.__file__.startswith({str(model)!r}), 'mlflow' in sys.modules)\n"
        f"print(_load_pyfunc({str(model / 'data' / 'bundle')!r}).predict(pandas.DataFrame({EXAMPLE!r})).tolist())"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env={"PYTHONPATH": str(model / "code")},
        capture_output=True,
        text=True,
        check=True,
    )
    where, answer = done.stdout.splitlines()
    assert where == "True False"
    assert len(json.loads(answer)) == 2


def test_a_script_s_model_answers_where_neither_housing_nor_the_script_is(bundle: Bundle, tmp_path: Path) -> None:
    script = b"def model_fn(folder): return 1000\ndef predict_fn(rows, model): return [model * len(rows)] * len(rows)\n"
    described = b'{"entry_point": "train.py", "requirements": "needs.txt"}'
    files = {"code/train.py": script, "code/program.json": described, "code/needs.txt": b"scikit-learn>=1.2 # any\n"}
    own = replace(bundle, algorithm="script", model=pack(files), model_format="tar.gz")
    write_bundle(tmp_path / "bundle", own)
    assert read_bundle(tmp_path / "bundle") == own

    model = _save(own, tmp_path)
    assert "scikit-learn>=1.2" in (model / "requirements.txt").read_text().splitlines()
    code = (
        "from housing.training.artifact import _load_pyfunc; import pandas, housing, json\n"
        f"rows = pandas.DataFrame({EXAMPLE!r})\n"
        f"answers = _load_pyfunc({str(model / 'data' / 'bundle')!r}).predict(rows).tolist()\n"
        f"print(json.dumps([housing.__file__.startswith({str(model)!r}), answers]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env={"PYTHONPATH": str(model / "code")},
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(done.stdout) == [True, [2000, 2000]]


def test_the_mlflow_model_has_pinned_requirements_and_an_example_and_no_pickle(bundle: Bundle, tmp_path: Path) -> None:
    model = _save(bundle, tmp_path)

    requirements = (model / "requirements.txt").read_text().splitlines()
    assert {line.partition("==")[0] for line in requirements} == {"mlflow", "numpy", "pandas", "xgboost"}
    assert json.loads((model / "input_example.json").read_text())["columns"] == list(EXAMPLE)
    assert not list(model.rglob("*.pkl"))


def test_a_tool_that_judges_one_value_a_row_loads_the_model_for_one_column(bundle: Bundle, tmp_path: Path) -> None:
    folder = _save(bundle, tmp_path)

    import mlflow.pyfunc
    import pandas

    rows, explained = (
        pandas.DataFrame({"Area": [900, 2000], "Alley": [None, None], "Zone": ["RL", "RM"]}),
        {"explain": 1},
    )
    whole = mlflow.pyfunc.load_model(str(folder))
    one = mlflow.pyfunc.load_model(str(folder), model_config={"column": "prediction"})
    assert one.predict(rows).tolist() == whole.predict(rows).tolist()
    assert one.predict(rows, explained).tolist() == whole.predict(rows, explained)["prediction"].tolist()
    other = mlflow.pyfunc.load_model(str(folder), model_config={"column": "predicted"})
    with pytest.raises(DataError, match=r"model_config.column: must be one of prediction, base, .*, got 'predicted'"):
        other.predict(rows, explained)


def test_rows_without_column_names_are_refused(bundle: Bundle, tmp_path: Path) -> None:
    folder = _save(bundle, tmp_path)

    import mlflow.pyfunc

    model = mlflow.pyfunc.load_model(str(folder))
    with pytest.raises(DataError, match="need column names: pass a DataFrame, not a ndarray"):
        model.predict(np.zeros((1, 3)))


def _save(bundle: Bundle, folder: Path) -> Path:
    with warnings.catch_warnings():
        # What MLflow says about itself while it is imported.
        warnings.simplefilter("ignore")
        from mlflow.models import Model

    save_mlflow_model(folder / "model", bundle, model=Model(), example=EXAMPLE)
    return folder / "model"
