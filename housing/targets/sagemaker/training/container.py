"""Which container a job trains in."""

from __future__ import annotations

from housing.algorithms.own_code import Image, Program
from housing.targets.sagemaker import built_in
from housing.targets.sagemaker.containers import TrainingContainer
from housing.targets.sagemaker.training.own_code import ImageContainer, ScriptContainer
from housing.targets.sagemaker.training.script_mode import ScriptModeContainer


def container_of(algorithm: str, code: Program | Image | None = None) -> TrainingContainer:
    """SageMaker's own for the algorithm where there is one; else that of the user's code, or a framework's."""
    match code:
        case Program():
            return ScriptContainer(code)
        case Image():
            return ImageContainer(code)
    return built_in.find(algorithm) or ScriptModeContainer(algorithm)
