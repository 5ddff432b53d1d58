from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from housing import files

_HOLD = """
import sys
from pathlib import Path
from housing import files
with files.locked(Path(sys.argv[1]), holder="me"):
    print("held", flush=True)
    sys.stdin.read()
"""


@contextmanager
def _holder(path: Path) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-P", "-c", _HOLD, str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def _take(path: Path) -> None:
    with files.locked(path, wait_s=0, holder="another"):
        pass


def test_a_lock_is_refused_while_another_process_has_it_and_says_who(tmp_path: Path) -> None:
    path = tmp_path / "a.lock"
    with _holder(path), pytest.raises(files.LockHeldError, match="is held by another process") as refused:
        _take(path)
    assert refused.value.holder == "me"


def test_a_killed_holder_frees_its_lock_for_who_waits(tmp_path: Path) -> None:
    path = tmp_path / "a.lock"
    with _holder(path) as process:
        assert files.is_held(path)
        threading.Timer(0.2, os.kill, (process.pid, signal.SIGKILL)).start()
        with files.locked(path, wait_s=120):
            assert process.wait(timeout=120) == -signal.SIGKILL
    assert not files.is_held(path)


def test_threads_of_one_process_hold_a_lock_one_after_the_other(tmp_path: Path) -> None:
    inside: list[int] = []
    most: list[int] = []

    def work() -> None:
        for _ in range(20):
            with files.locked(tmp_path / "a.lock"):
                inside.append(1)
                most.append(len(inside))
                inside.pop()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(most), max(most)) == (80, 1)


def test_a_lock_that_is_taken_twice_by_one_process_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.lock"
    with files.locked(path), pytest.raises(files.LockHeldError), files.locked(path, wait_s=0):
        pass
    with files.locked(path, wait_s=0):
        pass


def test_who_waits_for_a_temporary_lock_never_holds_a_file_that_is_gone(tmp_path: Path) -> None:
    path = tmp_path / "a.lock"
    counts: list[int] = []

    def work() -> None:
        for _ in range(20):
            with files.locked(path, temporary=True):
                counts.append(int(path.exists()))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert counts == [1] * 80
    assert not path.exists()


def test_a_lock_is_private_and_follows_no_link(tmp_path: Path) -> None:
    path, link, other = tmp_path / "a.lock", tmp_path / "link", tmp_path / "other"
    with files.locked(path):
        assert path.stat().st_mode & 0o777 == 0o600
    other.write_text("precious")
    link.symlink_to(other)
    with pytest.raises(OSError, match="link"), files.locked(link, holder="me"):
        pass
    assert other.read_text() == "precious"


def test_looking_at_a_lock_disturbs_nobody(tmp_path: Path) -> None:
    path = tmp_path / "a.lock"
    assert not files.is_held(path)
    assert not path.exists()
    with files.locked(path):
        assert files.is_held(path)
        assert files.is_held(path)
    assert not files.is_held(path)


def test_a_file_is_replaced_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    files.write(path, "old")
    with pytest.raises(RuntimeError), files.replacing(path) as file:
        file.write(b"half")
        raise RuntimeError
    assert (path.read_text(), [p.name for p in tmp_path.iterdir()]) == ("old", ["a.json"])
    files.write(path, b"new")
    assert path.read_bytes() == b"new"


@pytest.mark.parametrize(("mode", "is_seen"), [(0o600, 0o600), (0o666, 0o640)])
def test_a_private_file_is_private_from_the_beginning(tmp_path: Path, mode: int, is_seen: int) -> None:
    path = tmp_path / "a.json"
    before = os.umask(0o026)
    try:
        with files.replacing(path, mode=mode) as file:
            assert os.fstat(file.fileno()).st_mode & 0o777 == is_seen
    finally:
        os.umask(before)
    assert path.stat().st_mode & 0o777 == is_seen


def test_a_link_is_replaced_and_not_what_it_leads_to(tmp_path: Path) -> None:
    path, other = tmp_path / "a.json", tmp_path / "other"
    other.write_text("precious")
    path.symlink_to(other)
    files.write(path, "new")
    assert (path.is_symlink(), path.read_text(), other.read_text()) == (False, "new", "precious")


def test_a_full_disk_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    files.write(path, "old")
    code = (
        "import resource, signal, sys; from pathlib import Path; from housing import files\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))\n"
        "try: files.write(Path(sys.argv[1]), 'x' * 1000)\n"
        "except OSError as error: print(error.strerror)"
    )
    done = subprocess.run(
        [sys.executable, "-P", "-c", code, str(path)], capture_output=True, text=True, check=True, timeout=120
    )
    assert done.stdout == "File too large\n"
    assert (path.read_text(), [p.name for p in tmp_path.iterdir()]) == ("old", ["a.json"])


def test_what_killed_writers_left_is_swept(tmp_path: Path) -> None:
    files.write(tmp_path / "a.json", "whole")
    code = (
        "import os, sys; from pathlib import Path; from housing import files\n"
        "with files.replacing(Path(sys.argv[1])) as file: os._exit(0)"
    )
    subprocess.run([sys.executable, "-P", "-c", code, str(tmp_path / "a.json")], check=True, timeout=120)
    assert len(list(tmp_path.iterdir())) == 2
    files.sweep(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["a.json"]
