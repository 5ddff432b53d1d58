"""Single mistakes about tasks, as `python -m benchmarks.task_mistakes` makes 300 of them; here are some."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from housing.cli.dispatch import main
from tests.task_mistakes import mistakes, verdict


@pytest.mark.slow
def test_nearly_every_word_that_is_one_edit_away_is_suggested(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    found: Counter[str] = Counter()
    for mistake in mistakes(60, seed=1):
        mistake.put(tmp_path)
        code = main(["train", "--config-dir", "conf", *mistake.overrides])
        captured = capsys.readouterr()
        found[verdict(mistake, code, captured.out + captured.err)] += 1
    assert found["traceback"] == found["not refused"] == 0
    assert found["right"] >= 0.95 * found.total()
