"""What others may have written is not believed, and what is secret is not open to them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from housing.rehearsal import credentials, files
from housing.rehearsal.errors import RehearsalError, SettingRefused
from housing.rehearsal.process import credentials_of, ensure, stop
from housing.rehearsal.settings import Settings

_NOBODY = 65534
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")


def test_the_keys_are_random_and_for_the_owner_alone(tmp_path: Path) -> None:
    folders = [tmp_path / "one", tmp_path / "other"]
    for folder in folders:
        files.make_folder(folder)
    one, other = (credentials.read_or_create(folder) for folder in folders)

    assert one.secret_key != other.secret_key
    assert len(one.secret_key) >= 40
    assert one.secret_key not in repr(one)
    assert credentials.read_or_create(folders[0]) == one
    assert (folders[0].stat().st_mode & 0o777, (folders[0] / "credentials.json").stat().st_mode & 0o777) == (
        0o700,
        0o600,
    )


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o666])
def test_keys_that_others_may_know_are_drawn_anew(tmp_path: Path, mode: int) -> None:
    known = credentials.read_or_create(tmp_path)
    (tmp_path / "credentials.json").chmod(mode)

    assert credentials.read_or_create(tmp_path).secret_key != known.secret_key
    assert (tmp_path / "credentials.json").stat().st_mode & 0o777 == 0o600


def test_keys_that_somebody_links_to_are_not_taken(tmp_path: Path) -> None:
    known = credentials.read_or_create(tmp_path)
    (tmp_path / "credentials.json").rename(tmp_path / "elsewhere.json")
    (tmp_path / "credentials.json").symlink_to(tmp_path / "elsewhere.json")

    assert credentials.read_or_create(tmp_path).secret_key != known.secret_key
    assert not (tmp_path / "credentials.json").is_symlink()


def test_a_folder_that_was_open_is_closed(tmp_path: Path) -> None:
    folder = tmp_path / "rehearsal"
    folder.mkdir(mode=0o777)
    folder.chmod(0o777)
    ensure(Settings(folder=str(folder)))
    stop(str(folder))

    assert folder.stat().st_mode & 0o777 == 0o700


@as_root
def test_a_folder_of_somebody_else_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "theirs"
    folder.mkdir()
    os.chown(folder, _NOBODY, _NOBODY)

    with pytest.raises(SettingRefused, match=rf"folder: .*theirs belongs to user {_NOBODY}, not to 0 .*choose"):
        ensure(Settings(folder=str(folder)))


@as_root
def test_a_file_of_somebody_else_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"x")
    file.chmod(0o600)
    with files.open_trusted(file) as mine:
        assert mine.read() == b"x"
    os.chown(file, _NOBODY, _NOBODY)

    with pytest.raises(files.NotPrivate, match=r"may have been written by others \(user 65534, mode 600\)"):
        files.open_trusted(file)


def test_keys_that_are_not_there_are_told(tmp_path: Path) -> None:
    with pytest.raises(RehearsalError, match=r"the keys of the rehearsal of .* cannot be read"):
        credentials_of(str(tmp_path))
