"""The site is built offline, without a warning, and each of its links leads somewhere."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(folder)]
    environment = os.environ | {"NO_MKDOCS_2_WARNING": "1"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return folder


class _Page(HTMLParser):
    """The links of a page, the places that one can lead to, and what the browser loads."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.loaded: list[str] = []
        self.places: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self.places.update(filter(None, (found.get("id"), found.get("name"))))
        if tag == "a" and found.get("href"):
            self.links.append(str(found["href"]))
        self.loaded += [
            str(found[key]) for key in ("src", "href") if tag in ("script", "img", "link") and found.get(key)
        ]


def test_every_link_leads_somewhere(site: Path) -> None:
    pages = {file: _Page(file.read_text(encoding="utf-8")) for file in site.rglob("*.html") if file.name != "404.html"}
    assert len(pages) > 60
    assert sorted(f"{file.relative_to(site)}: {link}" for file in pages for link in _broken(file, pages)) == []


def test_a_page_loads_nothing_from_elsewhere(site: Path) -> None:
    loaded = {address for file in site.rglob("*.html") for address in _Page(file.read_text(encoding="utf-8")).loaded}
    assert sorted(address for address in loaded if urlsplit(address).netloc) == []


def _broken(file: Path, pages: dict[Path, _Page]) -> Iterator[str]:
    for link in pages[file].links:
        address = urlsplit(link)
        if address.scheme or address.netloc:
            continue
        target = (file.parent / unquote(address.path)).resolve() if address.path else file
        target = target / "index.html" if target.is_dir() else target
        if not target.exists() or (address.fragment and target in pages and not _has(pages[target], address.fragment)):
            yield link


def _has(page: _Page, place: str) -> bool:
    return unquote(place) in page.places
