"""Write docs/reference/ anew."""

from __future__ import annotations

from docs.write.pages import REFERENCE, pages


def main() -> None:
    """Files that no page stands for any more are removed."""
    wanted = pages()
    for file in set(REFERENCE.rglob("*.md")) - wanted.keys():
        file.unlink()
    for file, text in wanted.items():
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
