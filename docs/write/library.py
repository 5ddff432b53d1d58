"""The page of the library in Python, from signatures and docstrings."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from dataclasses import fields, is_dataclass
from typing import Any

import housing
from docs.write import markdown
from docs.write.markdown import code, prose, table
from housing.algorithms import base as algorithms
from housing.targets import base as targets
from housing.tasks import base as tasks

_LIBRARY = (housing.compose, housing.Experiment, housing.Result, housing.RecordedRuns, housing.runs, housing.describe)
_SEAMS = (algorithms.Algorithm, tasks.Task, tasks.Metric, targets.Runner, targets.Host)


def page() -> str:
    """What `import housing` offers, and what packages of others may implement."""
    return markdown.page(
        "Library",
        "A first look is in [Python and notebooks](../python.md). Frames are pandas DataFrames; metrics and "
        "predictions are in the label's own unit, times in UTC, durations in seconds. Every error is a "
        "[`housing.HousingError`](errors.md#exceptions).",
        *(_section(each, "housing") for each in _LIBRARY),
        "# What others can implement",
        "An installed package adds an algorithm, a task, a metric or a target by an entry point "
        "(`housing.algorithms`, `housing.tasks`, `housing.metrics`, `housing.targets`); `housing.testing` has the "
        "contract tests that ours pass.",
        *(_section(each, each.__module__) for each in _SEAMS),
    )


def _section(member: Any, module: str) -> str:
    return _class(member, module) if inspect.isclass(member) else _function(member, f"{module}.{member.__name__}", 2)


def _class(kind: type[Any], module: str) -> str:
    attributes = [(code(name), code(hint), about) for name, hint, about in _attributes(kind)]
    parts = [
        f"## {kind.__name__}\n",
        f"`class {module}.{kind.__name__}`\n",
        prose(inspect.getdoc(kind) or "") + "\n",
        table(("attribute", "type", "meaning"), attributes) if attributes else "",
        *(_function(each, name, 3) for name, each in _methods(kind)),
    ]
    return "\n".join(filter(None, parts))


def _attributes(kind: type[Any]) -> Iterator[tuple[str, str, str]]:
    if is_dataclass(kind):
        for field in fields(kind):
            yield field.name, str(field.type), ""
    elif getattr(kind, "_is_protocol", False):
        for name, hint in vars(kind).get("__annotations__", {}).items():
            if not name.startswith("_"):
                yield name, str(hint), ""
    for name, member in vars(kind).items():
        if isinstance(member, property) and not name.startswith("_"):
            returned = inspect.signature(member.fget).return_annotation if member.fget else ""
            yield name, str(returned), prose(inspect.getdoc(member) or "")


def _methods(kind: type[Any]) -> Iterator[tuple[str, Callable[..., Any]]]:
    for name, member in vars(kind).items():
        called = member.__func__ if isinstance(member, classmethod | staticmethod) else member
        if inspect.isfunction(called) and not name.startswith("_"):
            yield name, called


def _function(function: Callable[..., Any], name: str, level: int) -> str:
    signature = inspect.signature(function)
    shown = signature.replace(
        parameters=[
            each.replace(annotation=_Typed(each.annotation))
            for each in signature.parameters.values()
            if each.name not in ("self", "cls")
        ],
        return_annotation=_Typed(signature.return_annotation),
    )
    heading = f"{'#' * level} {name.rpartition('.')[2]}"
    return f"{heading}\n\n```python\n{name}{shown}\n```\n\n{prose(inspect.getdoc(function) or '')}\n"


class _Typed(str):
    """An annotation, shown without quotes."""

    __slots__ = ()
    __repr__ = str.__str__
