"""A user's inference script in a framework image, as a real process."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from housing.rehearsal.container.inference import Setup, TimedOut, Unhealthy
from housing.rehearsal.container.script_inference import Framework, ScriptContainer

DOUBLING = """
    import os, sys
    def model_fn(model_dir):
        print("loading from", os.path.basename(model_dir))
        return float(open(os.path.join(model_dir, "factor")).read())
    def predict_fn(rows, factor):
        print("predicting", file=sys.stderr)
        return rows * factor
"""


def test_the_defaults_of_the_image_stand_in_for_what_a_script_leaves_out(tmp_path: Path) -> None:
    with _serving(tmp_path, DOUBLING) as (container, _):
        answer = container.invoke(b"1,2\n3,4", "text/csv", "application/json")
        assert (answer.status, answer.content_type) == (200, "application/json")
        assert json.loads(answer.body) == [[2, 4], [6, 8]]
        assert container.invoke(b"[1, 5]", None, None).body == b"[2.0, 10.0]"
        assert container.invoke(b"1,2", "text/csv", "text/csv").body == b"2.0\n4.0\n"


def test_what_the_script_prints_reaches_the_log(tmp_path: Path) -> None:
    with _serving(tmp_path, DOUBLING) as (container, lines):
        container.invoke(b"1", "text/csv", None)
    assert lines[0] == "loading from model"
    assert "predicting" in lines


def test_unknown_types_are_refused_with_415_and_406(tmp_path: Path) -> None:
    with _serving(tmp_path, DOUBLING) as (container, _):
        assert container.invoke(b"x", "image/png", None).status == 415
        refused = container.invoke(b"1", "text/csv", "image/png")
        assert refused.status == 406
        assert json.loads(refused.body)["error"] == "UnsupportedFormatError"


def test_an_exception_of_the_script_is_answered_with_500_and_logged(tmp_path: Path) -> None:
    script = """
        def model_fn(model_dir): return None
        def transform_fn(model, body, content_type, accept): raise ValueError("no such column")
    """
    with _serving(tmp_path, script) as (container, lines):
        answer = container.invoke(b"1", "text/csv", None)
        assert answer.status == 500
        assert b"Internal Server Error" in answer.body
    assert "ValueError: no such column" in lines


def test_the_xgboost_image_hands_rows_to_the_model_as_a_matrix(tmp_path: Path) -> None:
    script = """
        class Counting:
            def predict(self, rows, validate_features): return [rows.num_row(), rows.num_col()]
        def model_fn(model_dir): return Counting()
    """
    with _serving(tmp_path, script, framework="xgboost") as (container, _):
        assert json.loads(container.invoke(b"1,2,3\n4,5,6", "text/csv", None).body) == [2, 3]
        assert json.loads(container.invoke(b"0 1:5 4:2", "text/libsvm", None).body) == [1, 4]
        assert container.invoke(b"1,2,3\n", "text/csv", None).status == 500


@pytest.mark.parametrize(
    ("script", "says"),
    [
        ("def predict_fn(rows, model): return rows", "Please provide a model_fn implementation"),
        ("def model_fn(model_dir): raise OSError('no model here')", "OSError: no model here"),
        ("import no_such_library", "No module named 'no_such_library'"),
        ("import housing", "No module named 'housing'"),
        ("def model_fn(d): 1\ndef transform_fn(*a): 1\ndef input_fn(*a): 1", "Cannot use transform_fn"),
    ],
)
def test_a_script_that_cannot_start_fails_the_health_check_and_logs_why(tmp_path: Path, script: str, says: str) -> None:
    lines: list[str] = []
    with pytest.raises(Unhealthy):
        _container(tmp_path, script, lines)
    assert any(says in line for line in lines)


def test_requirements_that_are_not_installed_are_named(tmp_path: Path) -> None:
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "requirements.txt").write_text(
        "numpy>=1 # fine\nnumpy<1\nno-such-library\nno-such-library; python_version < '3'\n"
    )
    with pytest.raises(
        Unhealthy,
        match=r"numpy<1: \S+ is installed; no-such-library: is not installed\. The rehearsal installs nothing",
    ):
        _container(tmp_path, DOUBLING, [])


def test_a_worker_that_dies_answers_502_and_is_started_again(tmp_path: Path) -> None:
    script = """
        import os
        def model_fn(model_dir): return None
        def transform_fn(model, body, content_type, accept):
            if body == "die": os._exit(3)
            return body, content_type
    """
    with _serving(tmp_path, script) as (container, _):
        assert container.invoke(b"die", "text/csv", None).status == 502
        assert container.invoke(b"live", "text/csv", None).body == b"live"


def test_an_answer_that_takes_too_long_is_given_up(tmp_path: Path) -> None:
    script = """
        import time
        def model_fn(model_dir): return None
        def transform_fn(model, body, content_type, accept):
            time.sleep(float(body)); return body, content_type
    """
    with _serving(tmp_path, script, answer_s=0.3) as (container, _):
        with pytest.raises(TimedOut):
            container.invoke(b"30", "text/csv", None)
        assert container.invoke(b"0", "text/csv", None).body == b"0"


@contextmanager
def _serving(
    folder: Path, script: str, *, framework: Framework = "sklearn", answer_s: float = 60
) -> Iterator[tuple[ScriptContainer, list[str]]]:
    lines: list[str] = []
    container = _container(folder, script, lines, framework, answer_s)
    try:
        yield container, lines
    finally:
        container.close()


def _container(
    folder: Path, script: str, lines: list[str], framework: Framework = "sklearn", answer_s: float = 60
) -> ScriptContainer:
    code, model = folder / "code", folder / "model"
    code.mkdir(exist_ok=True)
    model.mkdir()
    (model / "factor").write_text("2")
    (code / "inference.py").write_text(textwrap.dedent(script))
    return ScriptContainer(
        Setup(model, {}, lines.append), code=code, program="inference.py", framework=framework, answer_s=answer_s
    )
