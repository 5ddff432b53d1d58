"""The definition of a search, so that a study is resumed only as the same search."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import MISSING, fields
from typing import Any

from housing.config.schema import CHOOSABLE
from housing.data.description import Dataset
from housing.secrets import masked_values
from housing.tuning.spec import Study
from housing.workflow.session import Session

_NOT_SET = ("null", "none", "{}", "[]")

# Keys whose values may differ when a study is resumed: its trials remain comparable.
_FREE = (
    *("name", "tracking", "runner", "host", "gate", "deployment", "candidate", "published", "threshold", "calibration"),
    "intervals",
    *("prices", "budget", "rehearsal", "monitoring", "parallel"),
)
_FREE_OF_STUDY = (
    *("name", "trials", "parallel", "time_limit_s", "patience"),
    *("configured_first", "start_from", "resume", "reuse", "retries", "blend", "blend_samples", "reference"),
)
_FREE_OF_ALGORITHM = ("bag", "bag_over")
"""Keys that only the final model depends on: a trial is a single fit."""


def search_definition(session: Session, data: Mapping[str, Session]) -> dict[str, Any]:
    """What all trials of a study have in common, resolved, and the data that they may see."""
    values = {key: value for key, value in session.experiment.plain().items() if key not in _FREE}
    values["study"] = {key: value for key, value in values["study"].items() if key not in _FREE_OF_STUDY}
    values["algorithm"] = {key: value for key, value in values["algorithm"].items() if key not in _FREE_OF_ALGORITHM}
    values["dataset"] = _wherever_it_lies(values["dataset"])
    values["choices"] = {
        named: {
            group: _wherever_it_lies(plain[group]) if group == "dataset" else plain[group]
            for group in CHOOSABLE
            if group != "algorithm" or "algorithm" in values["search_space"]
        }
        for named, plain in ((named, chosen.experiment.plain()) for named, chosen in data.items())
        if named
    }
    values["digest"] = {
        named or "configured": {
            "data": chosen.prepared.data_digest,
            "split": chosen.prepared.split_digest,
            "encoder": chosen.prepared.encoder_digest,
        }
        for named, chosen in data.items()
    }
    # As it will be read back: tuples become lists, and secrets are masked.
    plain: dict[str, Any] = masked_values(json.loads(json.dumps(values)))
    return plain


def _wherever_it_lies(dataset: Mapping[str, Any]) -> dict[str, Any]:
    """The dataset's definition without where its rows are kept, in memory or on disk, which is not part of a search."""
    return {key: value for key, value in dataset.items() if key != "storage"}


def differences(then: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """The differences of two definitions, by key; a key that an earlier version lacked equals null, none and empty."""
    from housing.tracking.entries import flatten

    before = flatten({key: value for key, value in then.items() if key not in _FREE})
    after = flatten(now)
    # For keys that an earlier version did not have, it behaved like today's defaults.
    implied = flatten({"dataset": _defaults(Dataset), "study": _defaults(Study)})

    def is_set(text: str | None) -> bool:
        return text is not None and text not in _NOT_SET

    changed = [
        key
        for key, was, is_now in (
            (key, before.get(key, implied.get(key)), after.get(key)) for key in {**before, **after}
        )
        if was != is_now and (is_set(was) or is_set(is_now))
    ]
    return [f"{key}: {before.get(key, 'absent')} then, {after.get(key, 'absent')} now" for key in changed]


def _defaults(kind: type[Dataset | Study]) -> dict[str, Any]:
    known = {field.name: field.default for field in fields(kind) if field.default is not MISSING}
    plain: dict[str, Any] = json.loads(json.dumps(known))
    return plain
