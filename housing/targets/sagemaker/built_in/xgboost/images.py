"""Chooses SageMaker's XGBoost image to train and serve: one that reads models made here correctly."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from housing.algorithms.registry import find
from housing.errors import ConfigError

if TYPE_CHECKING:
    from housing.targets.sagemaker.settings import Settings

_ALGORITHM = "xgboost"


def version_fault(image_version: str) -> str | None:
    """What is wrong with an image that is older than the XGBoost here; None if it is not.

    Since 3.1 a model's base_score is written as a list; an older image reads it as 0.5, without an error.
    """
    found = _numbers(image_version)
    here = _numbers(find(_ALGORITHM).versions()[_ALGORITHM])
    if not re.match(r"\d+\.\d+-", image_version) or found is None or here is None:
        return (
            f"image_version: must be written out, such as 3.2-0, got {image_version!r}; `latest` stands for "
            "an image of 2018"
        )
    if found < here:
        return (
            f"image_version: {image_version} is older than XGBoost {'.'.join(map(str, here))} here, and reads "
            "models made by it wrongly, without an error; use 3.2-0"
        )
    return None


def image(settings: Settings, region: str) -> str:
    """The image's address. Raises ConfigError when there is none, or only one that would misread models."""
    if fault := version_fault(settings.image_version):
        raise ConfigError(fault)
    from sagemaker.core import image_uris

    try:
        return str(image_uris.retrieve(_ALGORITHM, region=region, version=settings.image_version))
    except (ValueError, KeyError) as error:
        raise ConfigError(f"image_version, region: {' '.join(str(error).split())}") from error


def serving_image(made_by: str | None, settings: Settings, region: str) -> str:
    """The address of the image that serves a model made by this version of XGBoost; None: an unknown version.

    Raises ConfigError for an older image, which would give wrong answers without an error.
    """
    maker, found = _numbers(made_by or ""), _numbers(settings.image_version)
    if maker and found and found < maker:
        raise ConfigError(
            f"image_version: {settings.image_version} is older than the XGBoost {'.'.join(map(str, maker))} "
            "that made the model, and would read it wrongly, without an error"
        )
    return image(settings, region)


def _numbers(version: str) -> tuple[int, int] | None:
    found = re.match(r"(\d+)\.(\d+)", version)
    return (int(found[1]), int(found[2])) if found else None
