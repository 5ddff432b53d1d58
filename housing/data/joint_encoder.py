"""One encoder for models that were trained with different ones: it produces all columns that any of them reads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from housing.data.derived import Derived
from housing.data.encoder import Encoder
from housing.data.learning import Input
from housing.errors import DataError


def join(encoders: Sequence[Encoder]) -> tuple[Encoder, list[tuple[int, ...] | None]]:
    """The joint encoder, and for each of `encoders` the indices of its columns in the joint one; None: all of them.

    Calibration and threshold are not carried over. Raises DataError for encoders of different labels, or where one
    column is read in ways that exclude each other.
    """
    first = replace(encoders[0], calibration=None)
    inputs: list[Input] = []
    derived: dict[str, Derived] = {}
    for encoder in encoders:
        _refuse_another_label(first, encoder)
        inputs += [one for one in encoder.inputs if one not in inputs]
        for name, rule in encoder.derived.items():
            if derived.setdefault(name, rule) != rule:
                raise DataError(f"features.derived.{name}: the models of a blend derive it in different ways")
    alike = all(encoder.monotone == first.monotone for encoder in encoders)
    joint = replace(first, inputs=tuple(inputs), derived=derived, monotone=first.monotone if alike else {})
    starts = _starts(inputs)
    width = len(joint.columns)
    behind = {name: width - len(derived) + place for place, name in enumerate(derived)}
    places = []
    for encoder in encoders:
        own: list[int] = []
        for one in encoder.inputs:
            start = starts[inputs.index(one)]
            own += range(start, start + len(one.names()))
        own += [behind[name] for name in encoder.derived]
        places.append(None if own == list(range(width)) else tuple(own))
    return joint, places


def _starts(inputs: Sequence[Input]) -> list[int]:
    starts = [0]
    for one in inputs:
        starts.append(starts[-1] + len(one.names()))
    return starts


def _refuse_another_label(first: Encoder, other: Encoder) -> None:
    def asked(encoder: Encoder) -> tuple[object, ...]:
        one = encoder
        return one.label, one.label_transform, one.task, one.label_levels, one.quantiles, one.missing_values

    if asked(first) != asked(other):
        raise DataError(
            f"{first.label}: the models of a blend must have learnt the same label in the same scale; one has "
            f"label_transform {first.label_transform}, another {other.label_transform}"
        )
