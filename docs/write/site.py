"""What the site needs beside the pages: MkDocs calls these hooks while it builds."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

DECISIONS = "decisions/index.md"
_LINK = re.compile(r"\[([^\]]*)\]\(((?:\.\./)+[^)#]+)\)")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Adds the list of decisions, which on a disk is the folder itself."""
    found = sorted(Path(config.docs_dir, "decisions").glob("[0-9]*.md"))
    lines = [f"- [{_title(file)}]({file.name})" for file in found]
    text = "# Decisions\n\nHalf a page each: what was decided, and why.\n\n" + "\n".join(lines) + "\n"
    files.append(File.generated(config, DECISIONS, content=text))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, **_: Any) -> str:
    """A link to a file of the repository that is no page becomes its name."""
    folder = Path(config.docs_dir, page.file.src_uri).parent

    def named(match: re.Match[str]) -> str:
        target = (folder / match[2]).resolve()
        return match[0] if target.is_relative_to(config.docs_dir) else match[1]

    return _LINK.sub(named, markdown)


def _title(file: Path) -> str:
    return file.read_text(encoding="utf-8").splitlines()[0].removeprefix("# ")
