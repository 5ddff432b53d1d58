"""Several hosts of one training job: XGBoost's collective between real processes.

After `distributed.py` of aws/sagemaker-xgboost-container: the hosts meet twice, first to learn who has data, then to
train with those. The first of them runs the tracker, saves the model and prints the rounds. Here the ports are not
fixed, as the hosts share a machine.
"""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_WAIT_S = 120
_POLL_S = 0.005
_log = logging.getLogger("RabitContextManager")


@dataclass(frozen=True)
class Meeting:
    """Where hosts meet: two free `ports` of this machine, and a `folder` where a tracker marks that it is ready."""

    ports: Sequence[int]
    folder: str


def run(meeting: Meeting, host: str, hosts: Sequence[str], *, has_data: bool, train: Callable[[bool], None]) -> None:
    """Call `train`, with whether this host is the master, if it has data. Raises RuntimeError where no host has any."""
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]  # XGBoost prints rounds and flushes none
    with _met(meeting, meeting.ports[0], host, sorted(hosts)):
        included = _of_all(has_data, len(hosts))
    training = [name for name, with_data in zip(sorted(hosts), included, strict=True) if with_data]
    if not training:
        raise RuntimeError("No hosts received training data.")
    if not has_data:
        logging.getLogger().warning("Host %s not being used for distributed training.", host)
        return
    if len(training) == 1:
        train(True)
        return
    with _met(meeting, meeting.ports[1], host, training):
        train(host == training[0])


@contextmanager
def _met(meeting: Meeting, port: int, host: str, hosts: Sequence[str]) -> Iterator[None]:
    """Join the group of these hosts, the first of which runs the tracker."""
    from xgboost import collective
    from xgboost.tracker import RabitTracker

    ready, tracker = Path(meeting.folder, f"tracker-{port}"), None
    arguments: dict[str, Any] = {"dmlc_tracker_uri": "127.0.0.1", "dmlc_tracker_port": port}
    if host == hosts[0]:
        tracker = RabitTracker(n_workers=len(hosts), host_ip="127.0.0.1", port=port, sortby="task")
        tracker.start()
        arguments = tracker.worker_args()
        _log.info("RabitTracker started, worker_args: %s", arguments)
        ready.touch()
    give_up = time.monotonic() + _WAIT_S
    while not ready.exists() and time.monotonic() < give_up:
        time.sleep(_POLL_S)
    with collective.CommunicatorContext(**arguments, dmlc_task_id=str(hosts.index(host)), dmlc_timeout=_WAIT_S):
        yield
    if tracker is not None:
        tracker.wait_for(timeout=_WAIT_S)
        tracker.free()


def _of_all(own: bool, count: int) -> list[bool]:
    """The `own` of each host, in the hosts' order."""
    import numpy as np
    from xgboost import collective

    said = np.zeros(count, dtype=np.int32)
    said[collective.get_rank()] = own
    return [bool(one) for one in collective.allreduce(said, collective.Op.SUM)]
