"""The page of the rehearsal's operations, from what its modules answer."""

from __future__ import annotations

import inspect
from collections.abc import Iterable

from docs.write import markdown
from docs.write.markdown import code, table
from housing.rehearsal.api.operations import INVOCATION_PATHS
from housing.rehearsal.aws.moto_calls import SERVICES
from housing.rehearsal.composition import MODULES


def page() -> str:
    """What the rehearsal supports of AWS, operation by operation."""
    rows = [(_about(module), _listed(module.OPERATIONS)) for module in MODULES]
    rows.append(("Calls of the runtime.", _listed(INVOCATION_PATHS)))
    return markdown.page(
        "Operations of the rehearsal",
        "What [the rehearsal](../rehearsal.md) answers of SageMaker. Requests are held to AWS's own model, rule by "
        "rule, whatever the client checks, and to what AWS documents beside it; every other operation is refused in "
        "one sentence.",
        table(("what", "operations"), rows),
        f"Beside SageMaker it has {_listed(SERVICES)}, as they are signed for: the operations of these that moto has.",
    )


def _about(module: object) -> str:
    return (inspect.getdoc(module) or "").partition("\n")[0]


def _listed(names: Iterable[str]) -> str:
    return ", ".join(code(name) for name in sorted(names))
