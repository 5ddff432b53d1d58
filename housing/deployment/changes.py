"""What a plan would change, for people: one line per field, and counts of additions, changes and removals."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass

from housing.deployment.plan import starts_machines, why_replaced
from housing.deployment.spec import Deployment, Variant


@dataclass(frozen=True)
class Changes:
    """`lines` start with `+`, `~`, `-` or, for what is replaced, `-/+`; the counts are of endpoints and variants.

    `how` says what callers of the endpoint will notice during the update; empty where that is nothing.
    """

    lines: tuple[str, ...]
    add: int = 0
    change: int = 0
    remove: int = 0
    how: str = ""

    def __bool__(self) -> bool:
        return bool(self.lines)

    def summary(self) -> str:
        return f"{self.add} to add, {self.change} to change, {self.remove} to remove"


def describe(wanted: Deployment | None, current: Deployment | None) -> Changes:
    """Differences between two pinned deployments of one endpoint; None stands for no endpoint."""
    new: Mapping[str, Variant] = wanted.variants if wanted else {}
    old: Mapping[str, Variant] = current.variants if current else {}
    lines: list[str] = []
    add = change = remove = 0
    if wanted and not current:
        lines += [f"+ endpoint {wanted.endpoint}", *_all("+", _chosen(wanted))]
        add += 1
    if current and not wanted:
        lines += [f"- endpoint {current.endpoint}", *_all("-", _chosen(current))]
        remove += 1
    replaced = why_replaced(wanted, current) if wanted else None
    differences = list(_differences(_settings(wanted), _settings(current))) if wanted and current else []
    if wanted and replaced:
        lines += [f"-/+ endpoint {wanted.endpoint}, which must be replaced", *differences]
        add, remove = add + 1, remove + 1
    elif wanted and differences:
        lines += [f"~ endpoint {wanted.endpoint}", *differences]
        change += 1
    for name in [*new, *(n for n in old if n not in new)]:
        if name not in old:
            add += 1
            lines += [f"+ variant {name}", *_all("+", _variant(new[name]))]
        elif name not in new:
            remove += 1
            lines += [f"- variant {name}", *_all("-", _variant(old[name]))]
        elif differences := list(_differences(*_compared(new[name], old[name]))):
            change += 1
            lines += [f"~ variant {name}", *differences]
    return Changes(tuple(lines), add, change, remove, _how(wanted, current))


def _how(wanted: Deployment | None, current: Deployment | None) -> str:
    if not wanted or not current:
        return ""
    if replaced := why_replaced(wanted, current):
        return (
            f"{replaced}: this one ends, and one of the same name begins. Requests are not answered meanwhile, and "
            "what waits in a queue is lost; a new deployment.endpoint beside it has no such gap"
        )
    if not starts_machines(wanted, current):
        return ""
    way = {"all_at_once": "all at once", "canary": "after a first part of it", "linear": "step by step"}
    return (
        "new machines start beside the old ones; when they answer, traffic moves to them "
        f"{way[wanted.update.strategy]}, and no request is lost"
    )


def _compared(new: Variant, old: Variant) -> tuple[dict[str, str], dict[str, str]]:
    now, was = _variant(new), _variant(old)
    if new.autoscaling:
        # Autoscaling owns the count now, whatever the files say.
        now.pop("instances"), was.pop("instances", None)
    return now, was


def _differences(now: Mapping[str, str], was: Mapping[str, str]) -> Iterator[str]:
    for key in [*now, *(k for k in was if k not in now)]:
        if key not in was:
            yield f"+     {key}: {now[key]}"
        elif key not in now:
            yield f"-     {key}: {was[key]}"
        elif was[key] != now[key]:
            yield f"~     {key}: {was[key]} -> {now[key]}"


def _all(sign: str, shown: Mapping[str, str]) -> list[str]:
    return [f"{sign}     {key}: {value}" for key, value in shown.items()]


def _settings(deployment: Deployment) -> dict[str, str]:
    """The settings of the endpoint as a whole, as text by their key in conf/."""
    return {key: text for key, text in _shown(deployment) if not key.startswith(("endpoint", "variants."))}


def _chosen(deployment: Deployment) -> dict[str, str]:
    """The settings that differ from their defaults."""
    plain = _settings(Deployment(deployment.endpoint, {"any": Variant("")}))
    return {key: text for key, text in _settings(deployment).items() if plain.get(key) != text}


def _variant(variant: Variant) -> dict[str, str]:
    shown = dict(_shown(variant))
    if variant.serverless:
        del shown["instances"], shown["instance_type"]
    if not variant.shadow:
        del shown["shadow"]
    return shown


def _shown(value: object, key: str = "") -> Iterator[tuple[str, str]]:
    """Every field by its path; unset ones are left out."""
    if is_dataclass(value):
        value = {f.name: getattr(value, f.name) for f in fields(value)}
    if isinstance(value, Mapping):
        for name, part in value.items():
            yield from _shown(part, f"{key}.{name}" if key else str(name))
    elif value not in (None, ()):
        yield key, _text(value)


def _text(value: object) -> str:
    # 17 digits would show rounding errors such as 0.1 + 0.2; repr is the shortest text that identifies the value.
    if isinstance(value, tuple):
        return ", ".join(map(str, value))
    return repr(int(value)) if isinstance(value, float) and value.is_integer() else str(value)
