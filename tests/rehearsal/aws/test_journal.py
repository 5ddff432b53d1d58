"""The journal believes nothing that others may have written, and runs nothing."""

from __future__ import annotations

import os
import pickle
from pathlib import Path
from typing import Any

import pytest

from housing.rehearsal.aws.journal import Journal
from housing.rehearsal.files import NotPrivate

_NOBODY = 65534


class _Runs:
    """Unpickled, it makes a file."""

    def __init__(self, mark: Path) -> None:
        self._mark = mark

    def __reduce__(self) -> Any:
        return os.mkdir, (str(self._mark),)


def _restored(folder: Path) -> Any:
    adopted: list[Any] = []
    journal = Journal(folder)
    journal.restore(adopted.append, lambda _entry, _body: None)
    journal.close()
    return adopted


def _kept(folder: Path, state: Any) -> Path:
    journal = Journal(folder)
    journal.restore(lambda _: None, lambda _entry, _body: None)
    journal.write({"service": "s3"}, b"")
    journal.copy(state)
    journal.close()
    return folder / "state.pickle"


def test_a_state_comes_back(tmp_path: Path) -> None:
    file = _kept(tmp_path, {"large": bytes(5000), "small": {1, 2}})

    assert _restored(tmp_path) == [{"large": bytes(5000), "small": {1, 2}}]
    assert file.stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "journal-1.jsonl").stat().st_mode & 0o777 == 0o600
    assert tmp_path.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize(
    "module", ["posix.mkdir", "os.system", "builtins.eval", "moto.s3.models.os", "moto.server.main"]
)
def test_a_state_that_would_run_something_is_refused(tmp_path: Path, module: str) -> None:
    mark = tmp_path / "ran"
    file = _kept(tmp_path / "aws", {})
    if module == "posix.mkdir":
        file.write_bytes(pickle.dumps({"journal": 1, "state": _Runs(mark)}))
    else:
        name, _, what = module.rpartition(".")
        file.write_bytes(f"c{name}\n{what}\n(V{mark}\ntR.".encode())

    with pytest.raises(NotPrivate, match=r"aws holds .*, which is not moto's; remove it"):
        _restored(tmp_path / "aws")
    assert not mark.exists()


@pytest.mark.parametrize("name", ["state.pickle", "journal-1.jsonl"])
def test_a_file_that_others_may_write_is_refused(tmp_path: Path, name: str) -> None:
    _kept(tmp_path, {})
    (tmp_path / name).chmod(0o622)

    with pytest.raises(NotPrivate, match=rf"{name} may have been written by others \(user {os.geteuid()}, mode 622\)"):
        _restored(tmp_path)


@pytest.mark.parametrize("name", ["state.pickle", "journal-1.jsonl"])
def test_a_link_is_refused(tmp_path: Path, name: str) -> None:
    _kept(tmp_path / "aws", {})
    (tmp_path / "aws" / name).rename(tmp_path / "elsewhere")
    (tmp_path / "aws" / name).symlink_to(tmp_path / "elsewhere")

    with pytest.raises(NotPrivate, match=f"{name} is a link; remove it"):
        _restored(tmp_path / "aws")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_a_file_of_somebody_else_is_refused(tmp_path: Path) -> None:
    os.chown(_kept(tmp_path, {}), _NOBODY, _NOBODY)

    with pytest.raises(NotPrivate, match=r"state\.pickle may have been written by others \(user 65534"):
        _restored(tmp_path)
