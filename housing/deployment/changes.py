"""What a plan would change, for people: one line a field, and how many things come, change and go."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields

from housing.deployment.spec import Deployment, Variant


@dataclass(frozen=True)
class Changes:
    """`lines` start with `+`, `~` or `-`; the counts are of endpoints and variants."""

    lines: tuple[str, ...]
    add: int = 0
    change: int = 0
    remove: int = 0

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
        lines.append(f"+ endpoint {wanted.endpoint}")
        add += 1
    if current and not wanted:
        lines.append(f"- endpoint {current.endpoint}")
        remove += 1
    for name in [*new, *(n for n in old if n not in new)]:
        if name not in old:
            add += 1
            lines += [f"+ variant {name}", *(f"+     {key}: {v}" for key, v in _shown(new[name]).items())]
        elif name not in new:
            remove += 1
            lines += [f"- variant {name}", *(f"-     {key}: {v}" for key, v in _shown(old[name]).items())]
        elif differences := list(_differences(new[name], old[name])):
            change += 1
            lines += [f"~ variant {name}", *differences]
    return Changes(tuple(lines), add, change, remove)


def _differences(new: Variant, old: Variant) -> Iterator[str]:
    was, now = _shown(old), _shown(new)
    if new.autoscaling:
        # The count belongs to the load now, whatever the files say.
        was.pop("instances"), now.pop("instances")
    for key in [*now, *(k for k in was if k not in now)]:
        if key not in was:
            yield f"+     {key}: {now[key]}"
        elif key not in now:
            yield f"-     {key}: {was[key]}"
        elif was[key] != now[key]:
            yield f"~     {key}: {was[key]} -> {now[key]}"


def _shown(variant: Variant) -> dict[str, str]:
    """Every field by its key in conf/, as text."""
    shown = {f.name: _text(getattr(variant, f.name)) for f in fields(variant) if f.name != "autoscaling"}
    scaling = variant.autoscaling
    if scaling:
        shown |= {f"autoscaling.{f.name}": _text(getattr(scaling, f.name)) for f in fields(scaling)}
    return shown


def _text(value: object) -> str:
    # 17 digits would show 0.1 + 0.2 as it is stored; repr is the shortest text that still tells two values apart.
    return repr(int(value)) if isinstance(value, float) and value.is_integer() else str(value)
