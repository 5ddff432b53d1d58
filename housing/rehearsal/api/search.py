"""Search: jobs, endpoints, models and model packages by their properties."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from housing.rehearsal.api.listing import page
from housing.rehearsal.api.tags import listed
from housing.rehearsal.api.validation import service_model
from housing.rehearsal.responses import refused, unsupported

if TYPE_CHECKING:
    from housing.rehearsal.context import Context
    from housing.rehearsal.store import Record

_KINDS = {
    "TrainingJob": "training-job",
    "HyperParameterTuningJob": "hyper-parameter-tuning-job",
    "Endpoint": "endpoint",
    "Model": "model",
    "ModelPackage": "model-package",
    "ModelPackageGroup": "model-package-group",
}
_COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "GreaterThan": operator.gt,
    "GreaterThanOrEqualTo": operator.ge,
    "LessThan": operator.lt,
    "LessThanOrEqualTo": operator.le,
}
_MOST_SUGGESTIONS = 100
_UNSUPPORTED = ("CrossAccountFilterOption", "VisibilityConditions")


def search(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    kind = _KINDS.get(request["Resource"])
    if kind is None:
        raise unsupported(f"The rehearsal does not support Search for {request['Resource']}.")
    for member in _UNSUPPORTED:
        if member in request:
            raise unsupported(f"the rehearsal does not support {member} in Search")
    expression = request.get("SearchExpression") or {}
    _check_names(request["Resource"], request.get("SortBy"), expression)
    found = [record for record in context.store.list(kind) if _fits(record, expression)]
    by = request.get("SortBy") or "LastModifiedTime"
    descending = (request.get("SortOrder") or "Descending") == "Descending"
    known = [(value, record) for record in found if (value := _value(record, by)) is not None]
    unknown = [record for record in found if _value(record, by) is None]
    known.sort(key=lambda pair: _comparable(pair[0]), reverse=descending)
    results, token = page([record for _, record in known] + unknown, request, default=10)
    entries = [_entry(request["Resource"], record) for record in results]
    return {"Results": entries, "NextToken": token, "TotalHits": {"Value": len(found), "Relation": "EqualTo"}}


def suggestions(context: Context, request: dict[str, Any]) -> dict[str, Any]:  # noqa: ARG001
    """The names of properties that begin with the hint."""
    if request["Resource"] not in _KINDS:
        raise unsupported(f"The rehearsal does not support search for {request['Resource']}.")
    hint = request.get("SuggestionQuery", {}).get("PropertyNameQuery", {}).get("PropertyNameHint", "")
    names = sorted(name for name in _members(request["Resource"]) if name.lower().startswith(hint.lower()))
    return {"PropertyNameSuggestions": [{"PropertyName": name} for name in names[:_MOST_SUGGESTIONS]]}


def _entry(resource: str, record: Record) -> dict[str, Any]:
    found = record | {"Tags": listed(record["_tags"])}
    # SageMaker wraps a model's description, because its dashboard adds members beside it.
    return {resource: {"Model": found}} if resource == "Model" else {resource: found}


def _members(resource: str) -> set[str]:
    shape = service_model().shape_for("SearchRecord").members[resource]
    return {*(shape.members["Model"] if resource == "Model" else shape).members}


def _check_names(resource: str, sort_by: str | None, expression: Mapping[str, Any]) -> None:
    members = _members(resource)
    names = [sort_by] if sort_by else []
    names += [wanted["Name"] for wanted in expression.get("Filters") or ()]
    for name in names:
        if name.partition(".")[0] not in {*members, "Metrics"}:
            raise refused(f"Unknown property name: {name}")
    for part in expression.get("SubExpressions") or ():
        _check_names(resource, None, part)


def _fits(record: Record, expression: Mapping[str, Any]) -> bool:
    if "NestedFilters" in expression:
        raise unsupported("the rehearsal does not support NestedFilters in Search")
    parts = [_passes(record, wanted) for wanted in expression.get("Filters") or ()]
    parts += [_fits(record, part) for part in expression.get("SubExpressions") or ()]
    together = any if expression.get("Operator") == "Or" else all
    return not parts or together(parts)


def _passes(record: Record, wanted: Mapping[str, Any]) -> bool:
    name, how = wanted["Name"], wanted.get("Operator") or "Equals"
    value = _value(record, name)
    if how in ("Exists", "NotExists"):
        return (value is not None) == (how == "Exists")
    if "Value" not in wanted:
        raise refused(f"The filter on {name} needs a Value for the operator {how}.")
    given = wanted["Value"]
    if value is None:
        return how == "NotEquals"
    if how in _COMPARISONS:
        return _COMPARISONS[how](_number(name, value), _number(name, given))
    if how == "Contains":
        return given in str(value)
    if how == "In":
        return str(value) in given.split(",")
    same = _number(name, given) == value if isinstance(value, float) else str(value) == given
    return same == (how == "Equals")


def _value(record: Record, name: str) -> Any:
    """A member by its path; tags, hyperparameters and metrics by their names after a dot. None where absent."""
    first, _, rest = name.partition(".")
    if first == "Tags":
        return record["_tags"].get(rest)
    if first == "Metrics":
        values = {entry["MetricName"]: entry["Value"] for entry in record.get("FinalMetricDataList") or ()}
        return values.get(rest)
    value: Any = record.get(first)
    # Hyperparameters may have dots in their names.
    for part in (rest,) if first == "HyperParameters" and rest else filter(None, rest.split(".")):
        value = value.get(part) if isinstance(value, Mapping) else None
    return value


def _number(name: str, value: Any) -> float:
    """Numbers as they are, times in seconds since 1970."""
    try:
        return float(value)
    except ValueError:
        pass
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        raise refused(f"The filter on {name} compares with {value!r}, which is neither a number nor a time.") from None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _comparable(value: Any) -> tuple[int, Any]:
    try:
        return 0, float(value)
    except (TypeError, ValueError):
        return 1, str(value)


OPERATIONS = {
    "Search": search,
    "GetSearchSuggestions": suggestions,
}
