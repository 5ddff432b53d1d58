"""What ends a container, in the three classes that SageMaker's algorithms tell apart."""

from __future__ import annotations


class ContainerError(Exception):
    """Ends the container; its text is what the failure file says."""


class UserError(ContainerError):
    """The user's input is at fault."""


class AlgorithmError(ContainerError):
    """The algorithm failed at something that the user cannot be blamed for."""
