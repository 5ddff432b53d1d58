from __future__ import annotations

import gzip
import io
import tarfile
from pathlib import Path
from typing import Any

import pytest

from housing import archives


def _archive(*members: tuple[str, bytes] | tarfile.TarInfo) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for member in members:
            if isinstance(member, tarfile.TarInfo):
                tar.addfile(member)
            else:
                info = tarfile.TarInfo(member[0])
                info.size = len(member[1])
                tar.addfile(info, io.BytesIO(member[1]))
    return buffer.getvalue()


def _info(name: str, **about: Any) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    for key, value in about.items():
        setattr(info, key, value)
    return info


def test_files_are_unpacked_and_read(tmp_path: Path) -> None:
    archive = _archive(
        _info("code", type=tarfile.DIRTYPE, mode=0o755), ("./code/train.py", b"pass"), ("model", b"m" * 99)
    )

    archives.unpack(archive, tmp_path)

    assert (tmp_path / "code/train.py").read_bytes() == b"pass"
    assert archives.read(archive, lambda name: name == "code/train.py") == {"code/train.py": b"pass"}
    assert archives.read(gzip.decompress(archive), lambda name: name == "model") == {"model": b"m" * 99}


@pytest.mark.parametrize(
    ("member", "told"),
    [
        (_info("link", type=tarfile.SYMTYPE, linkname="/etc/passwd"), "'link' is a link or a device"),
        (_info("hard", type=tarfile.LNKTYPE, linkname="model"), "'hard' is a link or a device"),
        (_info("pipe", type=tarfile.FIFOTYPE), "'pipe' is a link or a device"),
        (_info("tty", type=tarfile.CHRTYPE), "'tty' is a link or a device"),
        (("/tmp/absolute", b"x"), "would lie elsewhere"),
        (("code/../../up", b"x"), "would lie elsewhere"),
    ],
)
def test_what_leads_elsewhere_is_refused(tmp_path: Path, member: Any, told: str) -> None:
    archive, folder = _archive(("model", b"m"), member), tmp_path / "inside"
    folder.mkdir()

    with pytest.raises(ValueError, match=told):
        archives.unpack(archive, folder)
    with pytest.raises(ValueError, match=told):
        archives.read(archive, lambda _: True)
    assert list(tmp_path.iterdir()) == [folder]


@pytest.mark.slow
def test_more_than_there_is_room_for_is_refused(tmp_path: Path) -> None:
    declared = gzip.compress(_info("model", size=archives.MOST_BYTES + 1).tobuf())
    entries = _archive(*(_info(f"{number}", mode=0o644) for number in range(archives.MOST_ENTRIES + 1)))
    # A header that names a file at a length of 64 MiB: tarfile would keep it in memory.
    header = gzip.compress(_info("x", size=64 << 20, type=tarfile.XHDTYPE).tobuf() + bytes(64 << 20))

    for archive, told in (
        (declared, "more than 5 GiB"),
        (entries, "10,000 entries"),
        (header, "a header of more than"),
    ):
        with pytest.raises(ValueError, match=told):
            archives.unpack(archive, tmp_path)


@pytest.mark.parametrize(
    "content",
    [b"", b"no archive", gzip.compress(b"text"), _archive(("a", bytes(9999)))[:-40]],
    ids=["nothing", "text", "packed text", "half"],
)
def test_what_is_no_archive_is_told(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(ValueError, match="not a gzipped tar"):
        archives.unpack(content, tmp_path)
