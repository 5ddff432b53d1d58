"""Identity policies: whether their statements allow an action on a resource, as IAM decides it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from typing import Any, Literal

from housing.rehearsal.responses import unsupported

Statement = Mapping[str, Any]
RequestContext = Mapping[str, Sequence[str]]
"""Condition keys, in lower case, and their values; keys that a call does not have are absent."""

Verdict = Literal["allowed", "denied", "not allowed"]


def statements(document: Mapping[str, Any]) -> list[Statement]:
    """Those of a policy; a single one need not be in a list."""
    found = document.get("Statement", [])
    return list(found) if isinstance(found, list) else [found]


def decide(policy: Iterable[Statement], action: str, resource: str, context: RequestContext) -> Verdict:
    """`denied` means explicitly denied, which overrides whatever allows it."""
    verdict: Verdict = "not allowed"
    for statement in policy:
        if _applies(statement, action, resource, context):
            if statement["Effect"] == "Deny":
                return "denied"
            verdict = "allowed"
    return verdict


def _applies(statement: Statement, action: str, resource: str, context: RequestContext) -> bool:
    return (
        _named(statement, "Action", action, ignore_case=True)
        and _named(statement, "Resource", resource)
        and all(
            _holds(operator, key.lower(), _several(values), context)
            for operator, keys in statement.get("Condition", {}).items()
            for key, values in keys.items()
        )
    )


def _named(statement: Statement, element: str, value: str, *, ignore_case: bool = False) -> bool:
    if element in statement:
        return any(_like(pattern, value, ignore_case=ignore_case) for pattern in _several(statement[element]))
    excluded = _several(statement.get(f"Not{element}", "*"))
    return not any(_like(pattern, value, ignore_case=ignore_case) for pattern in excluded)


def _holds(operator: str, key: str, wanted: Sequence[str], context: RequestContext) -> bool:
    """One condition: one of its values must match. A negated operator also holds where the key is absent."""
    quantifier, _, operator = operator.rpartition(":")
    base = operator.removesuffix("IfExists")
    present = key in context
    if base == "Null":
        return present != (wanted[0].lower() == "true")
    if not present and (operator != base or quantifier == "ForAllValues"):
        return True
    negated = "Not" in base
    fits = _OPERATORS.get(base.replace("Not", ""))
    if fits is None:
        known = ", ".join(_OPERATORS)
        raise unsupported(f"the rehearsal knows no condition operator {operator}, only {known}")
    if not present:
        return negated
    verdicts = [any(fits(one, value) for one in wanted) != negated for value in context[key]]
    return all(verdicts) if quantifier == "ForAllValues" or (negated and not quantifier) else any(verdicts)


def _like(pattern: str, value: str, *, ignore_case: bool = False) -> bool:
    return _expression(pattern, ignore_case).fullmatch(value) is not None


@cache
def _expression(pattern: str, ignore_case: bool) -> re.Pattern[str]:
    parts = {"*": ".*", "?": "."}
    text = "".join(parts.get(letter, re.escape(letter)) for letter in pattern)
    return re.compile(text, re.DOTALL | (re.IGNORECASE if ignore_case else 0))


def _numbers(compare: Callable[[float, float], bool]) -> Callable[[str, str], bool]:
    return lambda wanted, value: compare(float(value), float(wanted))


_OPERATORS: dict[str, Callable[[str, str], bool]] = {
    "StringEquals": lambda wanted, value: wanted == value,
    "StringEqualsIgnoreCase": lambda wanted, value: wanted.lower() == value.lower(),
    "StringLike": _like,
    "ArnEquals": _like,
    "ArnLike": _like,
    "Bool": lambda wanted, value: wanted.lower() == value.lower(),
    "NumericEquals": _numbers(lambda value, wanted: value == wanted),
    "NumericLessThan": _numbers(lambda value, wanted: value < wanted),
    "NumericLessThanEquals": _numbers(lambda value, wanted: value <= wanted),
    "NumericGreaterThan": _numbers(lambda value, wanted: value > wanted),
    "NumericGreaterThanEquals": _numbers(lambda value, wanted: value >= wanted),
}


def _several(value: Any) -> list[str]:
    return [str(entry) for entry in (value if isinstance(value, list) else [value])]
