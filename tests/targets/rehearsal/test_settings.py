"""The configuration's settings, which are not the rehearsal's own class: both must say the same."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import asdict, fields
from typing import Any

import pytest

from housing.rehearsal import settings as own
from housing.targets.rehearsal.settings import InjectedFault, Quotas, Rehearsal


def test_both_have_the_same_settings_with_the_same_defaults() -> None:
    assert [(f.name, f.type) for f in fields(Rehearsal)] == [(f.name, f.type) for f in fields(own.Settings)]
    assert [(f.name, f.type) for f in fields(InjectedFault)] == [(f.name, f.type) for f in fields(own.InjectedFault)]
    assert [(f.name, f.type, f.default) for f in fields(Quotas)] == [
        (f.name, f.type, f.default) for f in fields(own.Quotas)
    ]
    assert own.from_dict(asdict(Rehearsal())) == own.Settings()


def test_what_is_configured_reaches_the_rehearsal() -> None:
    fault: dict[str, Any] = {"operation": "s3:*", "kind": "slow", "first": 2, "times": 3, "seconds": 0.5}
    given: dict[str, Any] = {"folder": "f", "port": 1, "interrupt_at_rounds": (2, 3), "speed": 60, "seed": 7}
    configured = Rehearsal(**given, faults=(InjectedFault(**fault),), quotas=Quotas(training_run_s=60))
    wanted = own.Settings(**given, faults=(own.InjectedFault(**fault),), quotas=own.Quotas(training_run_s=60))
    assert own.from_dict(asdict(configured)) == wanted


@pytest.mark.parametrize(
    ("key", "value"),
    [
        *[(key, -1) for key in ("start_s", "seconds_per_round", "fail_jobs", "idle_s")],
        *[(key, -1) for key in ("port", "speed", "spot_discount")],
        ("interrupt_at_rounds", (1, -1)),
        ("port", 65536),
        ("speed", 0),
        ("speed", 1001),
        ("spot_discount", 1),
    ],
)
def test_both_refuse_the_same_in_the_same_words(key: str, value: Any) -> None:
    told = []
    for settings in (Rehearsal, own.Settings):
        with pytest.raises(ValueError, match=f"^{key} must ") as refused:
            settings(**{key: value})
        told.append(str(refused.value))
    assert told[0] == told[1]


@pytest.mark.parametrize("wrong", [{"operation": "ec2:*"}, {"first": 0}, {"times": 0}, {"seconds": -1}])
def test_both_refuse_the_same_faults_in_the_same_words(wrong: dict[str, Any]) -> None:
    told = []
    for fault in (InjectedFault, own.InjectedFault):
        with pytest.raises(ValueError, match=" must be ") as refused:
            fault(**{"operation": "*", "kind": "lost", **wrong})
        told.append(str(refused.value))
    assert told[0] == told[1]


def test_both_refuse_the_same_quotas_in_the_same_words() -> None:
    for quotas in (Quotas, own.Quotas):
        with pytest.raises(ValueError, match=r"^parallel_jobs must be 1 or more, got 0"):
            quotas(parallel_jobs=0)


def test_reading_a_configuration_imports_nothing_of_the_rehearsal() -> None:
    code = (
        "import sys, housing.config.schema\n"
        "print([name for name in sys.modules if name.startswith('housing.rehearsal')])"
    )
    done = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True, timeout=120)
    assert done.stdout == "[]\n"
