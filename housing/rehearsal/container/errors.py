"""Errors that end a container, classified as SageMaker's algorithms do."""

from __future__ import annotations


class ContainerError(Exception):
    """Ends the container; its text is written to the failure file."""


class UserError(ContainerError):
    """The user's input is at fault."""


class AlgorithmError(ContainerError):
    """The algorithm failed at something that the user cannot be blamed for."""
