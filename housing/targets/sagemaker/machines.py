"""Machines as AWS's own service model names them."""

from __future__ import annotations

from difflib import get_close_matches
from functools import cache
from typing import Literal

from housing.errors import ConfigError

Use = Literal["TrainingInstanceType", "ProductionVariantInstanceType"]


def check_instance_type(key: str, instance_type: str, use: Use) -> None:
    """Raises ConfigError for a machine that botocore has never heard of.

    AWS would refuse it, too, only later and with the hundreds of names that there are.
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
