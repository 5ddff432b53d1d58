"""Train and serve on a SageMaker that runs on this machine: the same client with another address."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from housing.algorithms.own_code import Image, Program
from housing.targets.registry import no_images
from housing.targets.rehearsal.settings import Settings
from housing.targets.sagemaker import target as sagemaker

__all__ = ["Settings", "keeps", "open_host", "open_runner", "policies", "registry", "s3_environment", "supports"]

if TYPE_CHECKING:
    from housing.targets.base import Host, Runner


def policies(
    uses: Sequence[tuple[sagemaker.Settings, Mapping[str, Any]]], *, record: str | None = None
) -> Mapping[str, Any]:
    """As for SageMaker; the rehearsal enforces them with `rehearsal.enforce_iam`."""
    named = [
        (replace(settings, region=settings.region or settings.rehearsal.region), use)
        if isinstance(settings, Settings)
        else (settings, use)
        for settings, use in uses
    ]
    return sagemaker.policies(named, record=record)


registry = sagemaker.registry
keeps = sagemaker.keeps


def open_runner(settings: Settings) -> Runner:
    from housing.targets.rehearsal.beginning import begun

    return sagemaker.open_runner(*begun(settings))


def open_host(settings: Settings) -> Host:
    from housing.targets.rehearsal.beginning import begun

    return sagemaker.open_host(*begun(settings))


def s3_environment(settings: Settings) -> Mapping[str, str]:
    """The variables with which a client reaches the jobs' S3, as the account itself."""
    from housing.targets.rehearsal.beginning import reached

    return reached(settings)


def supports(
    settings: Settings, algorithm: str, code: Program | Image | None, hyperparameters: Mapping[str, Any]
) -> Sequence[str]:
    """As SageMaker, except users' images, for which there is no container engine."""
    return (
        [no_images("rehearsal")]
        if isinstance(code, Image)
        else sagemaker.supports(settings, algorithm, code, hyperparameters)
    )
