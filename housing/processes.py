"""Processes by name: whether the one that left something behind still lives."""

from __future__ import annotations

import os
import socket
from functools import cache
from pathlib import Path


def process_tag() -> str:
    """This process, such that another one on this machine can tell later whether it lives: see `is_dead`."""
    return " ".join((_host(), _boot(), _namespace(), str(os.getpid()), _started(os.getpid()) or "-"))


def is_dead(process: str) -> bool:
    """Whether the process of a `process_tag` has surely ended; False where nobody here can know."""
    try:
        host, boot, namespace, pid, started = process.split()
    except ValueError:
        return False
    if host != _host():
        return False
    if boot != _boot():
        return True
    # Another container of this machine may share the host's name; its process numbers mean nothing here.
    if namespace != _namespace():
        return False
    # A number is given again to later processes; the time of the start tells them apart.
    return (_started(int(pid)) or "-") != started or not _exists(int(pid))


@cache
def _host() -> str:
    return "-".join(socket.gethostname().split()) or "-"


@cache
def _boot() -> str:
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return "-"


@cache
def _namespace() -> str:
    try:
        return Path("/proc/self/ns/pid").readlink().name
    except OSError:
        return "-"


def _started(pid: int) -> str | None:
    """Clock ticks between boot and the process's start; None when it has ended or the system does not tell."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    # The second field is the program's name in brackets, which may itself hold spaces and brackets.
    state, *fields = stat.rpartition(")")[2].split()
    return None if state == "Z" else fields[18]


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
