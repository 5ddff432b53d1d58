"""A small described table, and the file that matches it."""

from __future__ import annotations

from pathlib import Path

from housing.data.description import Dataset, Identifier, Ignored, Nominal, Numeric, Ordinal
from housing.data.features import Features
from housing.data.source_spec import Source
from housing.data.split_spec import Fractions, Split

COLUMNS = {
    "id": Identifier(),
    "area": Numeric(low=10, high=500),
    "rooms": Numeric(missing="unknown"),
    "pool": Numeric(low=0, missing="none"),
    "grade": Ordinal(levels=("poor", "fair", "good"), missing="none"),
    "zone": Nominal(levels=("north", "south")),
    "street": Nominal(missing="unknown"),
    "note": Ignored(),
    "price": Numeric(low=1),
}

CSV = """\
id,area,rooms,pool,grade,zone,street,note,price
a1,100,3,,poor,north,Elm,,1000
a2,120.5,NA,20,good,south,Oak,"x, y",2000
a3,80,2,,NA,south,,,1500
a4,10,1,0,fair,north,Elm,,900.5
a5,500,9,55,good,north,Ash,z,9000
"""


def cottages(source: Path | Source, **changes: object) -> Dataset:
    """The description of `CSV`, with some fields changed."""
    described = {
        "name": "cottages",
        "source": str(source) if isinstance(source, Path) else source,
        "label": "price",
        "columns": COLUMNS,
        "split": Split(fractions=Fractions(train=0.6, validation=0.2, test=0.2)),
        "missing_values": ("", "NA"),
        "label_unit": "EUR",
    }
    return Dataset(**{**described, **changes})  # type: ignore[arg-type]


PLAIN = Features(name="plain")
