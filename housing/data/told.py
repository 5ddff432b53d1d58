"""What is told of a table while it is read."""

from __future__ import annotations


class Told:
    """Takes what is told, and passes nothing on."""

    def __call__(self, done: str, share: float) -> None:
        """Progress: what is done, in words, and its share of the whole, 0 to 1, or NaN where that is not known."""

    def remark(self, text: str) -> None:
        """Something that is told once."""


untold = Told()
