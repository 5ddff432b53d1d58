from __future__ import annotations

import ast
import re
import sqlite3
import tarfile
from contextlib import closing
from pathlib import Path

import housing
from housing.tracking import schema
from tests.tracking.test_old_store import STORE

_NOT_KEYS = ("housing.algorithms", "housing.metrics", "housing.targets", "housing.tasks")
"""Groups of entry points."""


def test_the_page_says_what_the_schema_says() -> None:
    page = Path(housing.__file__).parents[1] / "docs" / "record.md"
    assert page.read_text() == schema.document(), "python -m housing.tracking.schema writes it anew"


def test_no_key_is_spelled_elsewhere() -> None:
    package = Path(housing.__file__).parent
    found = [
        f"{path.relative_to(package)}:{node.lineno}: {node.value}"
        for path in sorted(package.rglob("*.py"))
        if path != Path(schema.__file__)
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
        if re.fullmatch(r"housing\.[a-z_]+", node.value) and node.value not in _NOT_KEYS
    ]
    assert found == []


def test_every_key_of_a_record_is_known(tmp_path: Path) -> None:
    with tarfile.open(STORE) as archive:
        archive.extract("mlflow.db", tmp_path, filter="data")
    with closing(sqlite3.connect(tmp_path / "mlflow.db")) as database:
        keys = {key for (key,) in database.execute("SELECT DISTINCT key FROM tags WHERE key LIKE 'housing.%'")}
    assert len(keys) > 20
    assert [key for key in sorted(keys) if not schema.is_known(key)] == []
