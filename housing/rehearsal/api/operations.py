"""What an operation is, and how a module's operations are bound to the object that they work on."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, TypeVar

from housing.rehearsal.responses import HttpRequest, HttpResponse

Request = dict[str, Any]
Operation = Callable[[Request], dict[str, Any] | None]
"""Answers a request that has been checked against the service model with the members of the response.

Members that the service model does not know are dropped from the response. It raises ApiError.
"""
Invocation = Callable[[HttpRequest, str], HttpResponse]
"""Answers a call of the SageMaker runtime, given the endpoint's name."""

INVOCATION_PATHS = {
    "InvokeEndpoint": re.compile(r"/endpoints/([^/]+)/invocations"),
    "InvokeEndpointWithResponseStream": re.compile(r"/endpoints/([^/]+)/invocations-response-stream"),
    "InvokeEndpointAsync": re.compile(r"/endpoints/([^/]+)/async-invocations"),
}
"""The runtime's operations, which are told apart by path; the group is the endpoint's name."""

_Owner = TypeVar("_Owner")


def bound(
    functions: Mapping[str, Callable[[_Owner, Request], dict[str, Any] | None]], owner: _Owner
) -> dict[str, Operation]:
    """The operations of a module, by name, each bound to `owner`: the context, the running jobs or the hosting."""
    return {name: partial(function, owner) for name, function in functions.items()}
