"""A project folder for each test, and the command line beside the library."""

from tests.workflow.conftest import housing, project

__all__ = ["housing", "project"]
