"""Instance types, checked against AWS's service model."""

from __future__ import annotations

from difflib import get_close_matches
from functools import cache
from typing import Literal

from housing.errors import ConfigError

Use = Literal["TrainingInstanceType", "ProductionVariantInstanceType"]


def check_instance_type(key: str, instance_type: str, use: Use) -> None:
    """Raises ConfigError for an instance type that botocore does not know.

    AWS would refuse it, too, but later, and with a list of hundreds of names.
    """
    import botocore

    known = _names(use)
    if instance_type in known:
        return
    near = get_close_matches(instance_type, known, n=3) or ["ml.m5.large"]
    raise ConfigError(
        f"{key}: SageMaker has no {instance_type!r}; the nearest are {', '.join(near)}. "
        f"If it is new, upgrade botocore, which is {botocore.__version__} here"
    )


@cache
def _names(use: Use) -> list[str]:
    from botocore.session import get_session

    return list(get_session().get_service_model("sagemaker").shape_for(use).enum)
