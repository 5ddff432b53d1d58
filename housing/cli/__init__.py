"""The command line: arguments in, one workflow step run, an exit code out."""

from housing.cli.dispatch import main

__all__ = ["main"]
