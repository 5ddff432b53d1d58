from __future__ import annotations

import subprocess
import time
from pathlib import Path

import pytest

from housing.workflow.outer_processes import processes


def test_where_the_block_ends_early_nothing_more_is_begun(tmp_path: Path) -> None:
    def told(number: int, *, then: str) -> tuple[list[str]]:
        return (["sh", "-c", f"touch {tmp_path / str(number)}; {then}"],)

    calls = [told(0, then="true"), told(1, then="exec sleep 300"), told(2, then="true"), told(3, then="true")]
    with pytest.raises(EOFError), processes(1) as submit:
        assert next(submit(subprocess.run, calls))[0] == 0
        deadline = time.monotonic() + 120
        while not (tmp_path / "1").exists() and time.monotonic() < deadline:
            time.sleep(0.01)
        raise EOFError
    assert sorted(file.name for file in tmp_path.iterdir()) == ["0", "1"]
