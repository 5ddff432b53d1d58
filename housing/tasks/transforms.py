"""Transformations of a numeric label for training, and their inverses."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, get_args

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Transform = Literal["none", "log", "sqrt"]
ALL: tuple[Transform, ...] = get_args(Transform)


def applied(transform: str, values: NDArray[Any]) -> NDArray[Any]:
    """The transformed label, from the label in its unit."""
    import numpy as np

    if transform == "log":
        return np.asarray(np.log(values))
    return np.asarray(np.sqrt(values)) if transform == "sqrt" else values


def undone(transform: str, values: NDArray[Any]) -> NDArray[Any]:
    """The label in its unit, from a model's outputs. A root below 0 counts as 0, so that the inverse is monotone."""
    import numpy as np

    if transform == "log":
        return np.asarray(np.exp(values))
    return np.asarray(np.maximum(values, 0) ** 2) if transform == "sqrt" else values


def refused(transform: str, values: NDArray[np.float64]) -> str | None:
    """The condition that some of these labels violate; None if all can be transformed."""
    if transform == "log":
        return None if (values > 0).all() else "above 0"
    return None if transform == "none" or (values >= 0).all() else "0 or more"


def refused_low(transform: str, low: float | None) -> str | None:
    """The same for a label that may be as low as `low`."""
    if transform == "log":
        return None if low is not None and low > 0 else "above 0"
    return None if transform == "none" or (low is not None and low >= 0) else "of 0 or more"
