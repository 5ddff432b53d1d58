"""What cannot be done with a table that is read block by block."""

from __future__ import annotations

from housing.data.description import Dataset


def refused(dataset: Dataset) -> str | None:
    """What a dataset requires that cannot be done block by block, and the way out; None when there is nothing."""
    if dataset.duplicates != "kept":
        return (
            f"duplicates: {dataset.duplicates} compares every row with all others; leave them out of the "
            "files, and say duplicates: kept"
        )
    if dataset.group is not None:
        return f"group: the rows of one {dataset.group} are put together in memory"
    return None
