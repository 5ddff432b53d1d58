"""A model made of others: the weighted mean of its members' predictions.

It cannot be chosen for training: `algorithm.bag` and `study.blend` make ensembles of models that other algorithms have
fitted. The file is an archive without compression: `members.json`, and each member's own model file. All members
predict on the scale of the label as trained on, and the mean is taken there, as SageMaker's XGBoost container does with
the models of one archive.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from housing.algorithms import base, registry
from housing.algorithms.base import Algorithm, Hyperparameters
from housing.algorithms.explaining import Contributions, ExplainedModel
from housing.algorithms.registry import packages

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from housing.algorithms.compiled import Compiled
    from housing.algorithms.mean_form import MeanForm, Part

_ABOUT = "members.json"
_AT_NO_TIME = (1980, 1, 1, 0, 0, 0)
"""The earliest time that zip can store: equal members give equal bytes."""


@dataclass(frozen=True)
class Member:
    """A model file, the algorithm that reads it, and its share of the mean.

    `columns` are the indices of the ensemble's columns that it reads; None: all of them, in order.
    """

    algorithm: str
    model: bytes
    model_format: str
    weight: float
    columns: tuple[int, ...] | None = None


def pack(members: Sequence[Member]) -> bytes:
    """One model file of the members, in their order. Weights are scaled to sum to 1."""
    total = sum(member.weight for member in members)
    about, buffer = [], io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for number, member in enumerate(members):
            name = f"member-{number:03d}.{member.model_format}"
            archive.writestr(zipfile.ZipInfo(name, _AT_NO_TIME), member.model)
            line = {"file": name, "algorithm": member.algorithm, "weight": member.weight / total}
            about.append(line | ({} if member.columns is None else {"columns": member.columns}))
        archive.writestr(zipfile.ZipInfo(_ABOUT, _AT_NO_TIME), json.dumps({"members": about}))
    return buffer.getvalue()


def unpack(model: bytes) -> list[Member]:
    """The reverse of `pack`; raises ValueError when the bytes are not an ensemble."""
    try:
        with zipfile.ZipFile(io.BytesIO(model)) as archive:
            members = [
                Member(
                    algorithm=line["algorithm"],
                    model=archive.read(line["file"]),
                    model_format=line["file"].partition(".")[2],
                    weight=float(line["weight"]),
                    columns=tuple(line["columns"]) if "columns" in line else None,
                )
                for line in json.loads(archive.read(_ABOUT))["members"]
            ]
    except (zipfile.BadZipFile, KeyError, TypeError) as e:
        raise ValueError(f"not a model made of others: {e}") from e
    if not members:
        raise ValueError("not a model made of others: it has no members")
    return members


def common_algorithm(model: bytes) -> str | None:
    """The algorithm of all members where they share one, else None; raises ValueError like `unpack`."""
    found = {member.algorithm for member in unpack(model)}
    return found.pop() if len(found) == 1 else None


def equals(model: bytes) -> list[bytes] | None:
    """The members' files where each reads all columns and all have the same weight, else None."""
    members = unpack(model)
    alike = len({member.weight for member in members}) == 1 and all(member.columns is None for member in members)
    return [member.model for member in members] if alike else None


def mean_form(parts: Sequence[Part]) -> MeanForm:
    """The compiled form of an ensemble, from those of its members."""
    from housing.algorithms.mean_form import MeanForm

    members = [(part.form, Member("", b"", "", part.weight, part.columns)) for part in parts]
    return MeanForm(parts, Model(members).predict)


class Ensemble(Algorithm):
    """The algorithm that reads an ensemble's model file."""

    hyperparameters: ClassVar[Hyperparameters] = {}
    model_format: ClassVar[str] = "zip"

    def load(self, model: bytes) -> Model:
        """The model in a file's bytes; raises ValueError when they are not an ensemble."""
        return Model([(registry.find(member.algorithm).load(member.model), member) for member in unpack(model)])

    def compiled(self, model: bytes) -> Compiled:
        """See `Algorithm.compiled`."""
        from housing.algorithms.mean_form import Part

        parts = []
        for member in unpack(model):
            form = registry.find(member.algorithm).compiled(member.model)
            if form is None:
                raise ValueError(f"a member, of {member.algorithm}, which has no compiled form")
            parts.append(Part(form, member.weight, member.columns))
        return mean_form(parts)

    def importance(self, model: bytes, columns: Sequence[str]) -> dict[str, float]:
        """The weighted mean of the members' importances; members that have none are left out."""
        total: dict[str, float] = {}
        for member in unpack(model):
            own = columns if member.columns is None else [columns[place] for place in member.columns]
            for name, share in registry.find(member.algorithm).importance(member.model, own).items():
                total[name] = total.get(name, 0.0) + member.weight * share
        whole = sum(total.values()) or 1.0
        return {name: share / whole for name, share in sorted(total.items(), key=lambda item: -item[1])}

    def versions_of(self, model: bytes) -> dict[str, str]:
        """The libraries and versions that any of its members needs."""
        names = dict.fromkeys(member.algorithm for member in unpack(model))
        return {library: found for name in names for library, found in registry.find(name).versions().items()}

    def requirements(self, model: bytes) -> list[str]:
        """The members' requirements, each once."""
        members = unpack(model)
        versions = (packages(name) for name in dict.fromkeys(member.algorithm for member in members))
        needed = [f"{name}=={version}" for found in versions for name, version in found.items()]
        needed += [line for member in members for line in registry.find(member.algorithm).requirements(member.model)]
        return list(dict.fromkeys(needed))

    def metrics(self, hyperparameters: Mapping[str, Any]) -> tuple[str, ...]:
        """Empty: nothing is fitted here, so nothing is measured after a round."""
        del hyperparameters
        return ()


class Model:
    """Loaded members; safe to call from several threads."""

    def __init__(self, members: Sequence[tuple[base.Model, Member]]) -> None:
        self._members = members

    def predict(self, features: NDArray[np.float32]) -> NDArray[np.floating]:
        """See `housing.algorithms.base.Model`."""
        import numpy as np

        answers = [model.predict(_own(member, features)) for model, member in self._members]
        weights = [member.weight for _, member in self._members]
        if len(set(weights)) == 1:  # in the members' own precision, as SageMaker's container does it
            mean: NDArray[np.floating] = np.mean(answers, axis=0)
            return mean
        weighed: NDArray[np.floating] = np.average(np.asarray(answers, np.float64), axis=0, weights=weights)
        return weighed

    def contributions(self, features: NDArray[np.float32]) -> Contributions:
        """See `housing.algorithms.explaining`: the weighted mean of the members'.

        Raises ValueError where a member has none, or where what is averaged is not what contributions sum to.
        """
        import numpy as np

        parts = [(member, _contributions(model, member, features)) for model, member in self._members]
        total = sum(member.weight for member, _ in parts)
        start: Any = sum(member.weight / total * found.base for member, found in parts)
        values = np.zeros((*start.shape, features.shape[1]))
        for member, found in parts:
            places = slice(None) if member.columns is None else list(member.columns)
            values[:, :, places] += member.weight / total * found.values
        return Contributions(values, start, "none")


def _contributions(model: base.Model, member: Member, features: NDArray[np.float32]) -> Contributions:
    """A member's, of its own columns; raises ValueError where they have no mean."""
    found = model.contributions(_own(member, features)) if isinstance(model, ExplainedModel) else None
    if found is None:
        raise ValueError(f"a member, of {member.algorithm}, has no contributions of columns")
    if found.link != "none":
        raise ValueError("it is a mean of probabilities or counts, and contributions sum to their logarithms")
    return found


def _own(member: Member, features: NDArray[np.float32]) -> NDArray[np.float32]:
    """The columns that a member reads."""
    import numpy as np

    return features if member.columns is None else np.ascontiguousarray(features[:, member.columns])


ALGORITHM = Ensemble()
