"""What imports what, a package's `__init__` counted with each of its modules."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping

import grimp

# It stands alone, and is held by a contract of its own.
NOT_HERE = "housing.rehearsal."
# For a type only: the text of an encoder is written from its fields, and read back into its arguments.
FOR_A_TYPE = ("housing.data.encoder_json", "housing.data.encoder")


def _imports() -> Mapping[str, set[str]]:
    """All imports, also those in functions and under TYPE_CHECKING. Importing `a.b.c` runs `a` and `a.b` before."""
    graph = grimp.build_graph("housing", cache_dir=None)
    found: dict[str, set[str]] = defaultdict(set)
    for module in graph.modules:
        needed = {module, *graph.find_modules_directly_imported_by(module)}
        needed -= {FOR_A_TYPE[1]} if module == FOR_A_TYPE[0] else set()
        found[module] = needed.union(*map(_packages, needed)) - {module}
    return {name: imported for name, imported in found.items() if not name.startswith(NOT_HERE)}


def _packages(module: str) -> set[str]:
    parts = module.split(".")
    return {".".join(parts[:end]) for end in range(1, len(parts))}


def _cycles(imports: Mapping[str, set[str]]) -> Iterator[list[str]]:
    """Tarjan's strongly connected components of more than one module."""
    index: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []

    def visit(module: str) -> Iterator[list[str]]:
        index[module] = low[module] = len(index)
        stack.append(module)
        for other in sorted(imports.get(module, ())):
            if other not in index:
                yield from visit(other)
                low[module] = min(low[module], low[other])
            elif other in stack:
                low[module] = min(low[module], index[other])
        if low[module] == index[module]:
            component = stack[stack.index(module) :]
            del stack[-len(component) :]
            if len(component) > 1:
                yield sorted(component)

    for module in sorted(imports):
        if module not in index:
            yield from visit(module)


def test_no_modules_import_each_other() -> None:
    assert list(_cycles(_imports())) == []


def test_a_cycle_through_a_package_would_be_found() -> None:
    imports = {"a": {"a.b"}, "a.b": {"c"}, "c": {"a", "a.d"}, "a.d": {"a"}, "e": {"a"}}
    assert list(_cycles(imports)) == [["a", "a.b", "a.d", "c"]]
