"""Which image trains: looked up by region, and refused when it would misread the models that are made here."""

from __future__ import annotations

import re
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING

from housing.algorithms.own_code import Image, Program
from housing.errors import ConfigError

if TYPE_CHECKING:
    from housing.targets.sagemaker import Settings

_FRAMEWORK_PACKAGES = {"scikit-learn": "sklearn"}


def check_xgboost_version(image_version: str) -> None:
    """Raises ConfigError for an image that is older than the XGBoost here.

    Since 3.1 a model's base_score is written as a list; an older image takes it for 0.5, without an error.
    """
    here = _installed_xgboost()
    found = re.match(r"(\d+)\.(\d+)-", image_version)
    if found is None:
        raise ConfigError(
            f"target image_version: must be written out, such as 3.2-0, got {image_version!r}; `latest` stands for "
            "an image of 2018"
        )
    if (int(found[1]), int(found[2])) < here:
        raise ConfigError(
            f"target image_version: {image_version} is older than XGBoost {'.'.join(map(str, here))} here, and reads "
            "models made by it wrongly, without an error; use 3.2-0"
        )


def training_image(code: Program | Image | None, settings: Settings, region: str) -> str:
    """The address of the image that trains. Raises ConfigError when there is none."""
    if isinstance(code, Image):
        return code.image
    from sagemaker.core import image_uris

    if isinstance(code, Program):
        versions = (code.framework, code.framework_version, code.py_version)
        return framework_image(*versions, region, instance_type=settings.instance_type, scope="training")
    try:
        return str(image_uris.retrieve("xgboost", region=region, version=settings.image_version))
    except (ValueError, KeyError) as error:
        raise ConfigError(f"target image_version, region: {' '.join(str(error).split())}") from error


def framework_image(
    framework: str, version: str, py_version: str, region: str, *, instance_type: str, scope: str
) -> str:
    """The address of the image that runs scripts, to train or to serve (`inference`). Raises ConfigError."""
    from sagemaker.core import image_uris

    try:
        return str(
            image_uris.retrieve(
                _FRAMEWORK_PACKAGES.get(framework, framework),
                region=region,
                version=version,
                py_version=py_version,
                instance_type=instance_type,
                image_scope=scope,
            )
        )
    except (ValueError, KeyError) as error:
        raise ConfigError(f"algorithm.script.framework_version: {' '.join(str(error).split())}") from error


def serving_image(made_by: tuple[int, int] | None, settings: Settings, region: str) -> str:
    """The address of the image that serves a model which XGBoost of this version has made.

    Raises ConfigError for an image that is older: it would answer wrongly, without an error.
    """
    check_xgboost_version(settings.image_version)
    found = re.match(r"(\d+)\.(\d+)-", settings.image_version)
    if made_by and found and (int(found[1]), int(found[2])) < made_by:
        raise ConfigError(
            f"target image_version: {settings.image_version} is older than the XGBoost {'.'.join(map(str, made_by))} "
            "that made the model, and would read it wrongly, without an error"
        )
    return training_image(None, settings, region)


def _installed_xgboost() -> tuple[int, int]:
    for package in ("xgboost", "xgboost-cpu"):
        try:
            major, minor = version(package).split(".")[:2]
        except PackageNotFoundError:
            continue
        return int(major), int(minor)
    raise ConfigError("xgboost is not installed")
