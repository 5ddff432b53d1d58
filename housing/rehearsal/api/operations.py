"""The operations we stand for, by name: each part registers its own here, and the server looks them up."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from housing.rehearsal.answers import HttpAnswer, HttpRequest

if TYPE_CHECKING:
    from housing.rehearsal.world import World

Operation = Callable[["World", dict[str, Any]], dict[str, Any] | None]
Route = Callable[["World", HttpRequest, str], HttpAnswer]
Hook = Callable[["World"], None]

OPERATIONS: dict[str, Operation] = {}
STARTS: list[Hook] = []
ENDS: list[Hook] = []


@dataclass(frozen=True)
class Runtime:
    """A call of the runtime: `operation` is its name in policies and faults; `path` has the endpoint in its group."""

    operation: str
    path: re.Pattern[str]
    function: Route


RUNTIME: list[Runtime] = []


def operation(name: str) -> Callable[[Operation], Operation]:
    """Answer `name` of SageMaker's control plane with a function of the world and the validated request.

    It returns the members of the answer; those that the service model does not know are left out. It raises ApiError.
    """

    def register(function: Operation) -> Operation:
        OPERATIONS[name] = function
        return function

    return register


def route(name: str, path: str) -> Callable[[Route], Route]:
    """Answer POST requests to `path`, a regular expression whose one group is the endpoint's name."""

    def register(function: Route) -> Route:
        RUNTIME.append(Runtime(name, re.compile(path), function))
        return function

    return register


def on_start(function: Hook) -> Hook:
    """Called once with the world before the first call is answered: take up what a killed process left behind."""
    STARTS.append(function)
    return function


def on_end(function: Hook) -> Hook:
    """Called once when the rehearsal ends in good order: let go of processes and threads; state stays."""
    ENDS.append(function)
    return function
