"""What the parts of a split are called in files."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

_NAMES = {
    "train": ("train", "training"),
    "validation": ("validation", "valid", "val", "dev", "development"),
    "test": ("test", "testing", "holdout", "hold-out", "held-out"),
}


def parts_named(texts: Iterable[str]) -> Mapping[str, list[str]] | None:
    """Part -> the texts that name it, where each text names a part, and rows of training and others have one."""
    parts: dict[str, list[str]] = {part: [] for part in _NAMES}
    for text in sorted(texts):
        part = next((part for part, names in _NAMES.items() if text.strip().lower() in names), None)
        if part is None:
            return None
        parts[part].append(text)
    found = {part: some for part, some in parts.items() if some}
    return found if "train" in found and len(found) > 1 else None
