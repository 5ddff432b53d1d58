"""Look at pages as people do who need contrast, a phone or a printer: `python docs/check_pages.py PAGE.html ...`

Opens each page at 1400 and 390 px, light, dark and as printed, with all that is folded opened, and lets axe-core look
for faults; prints each, and whether anything sticks out on the right. Wants `chromium` and `npm` on the path; axe-core
is installed into a folder of its own. Ends with 1 where anything was found.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from take_screenshots import Browser  # type: ignore[import-not-found]

WIDTHS = (1400, 390)
OPENED = "document.querySelectorAll('details').forEach(d => d.open = true)"
DRAWN = "document.readyState === 'complete'"
RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21aa", "best-practice"]}
FAULTS = f"""axe.run(document, {json.dumps(RULES)}).then(r => JSON.stringify(
    r.violations.map(v => [v.id, v.impact, v.nodes.length, v.nodes[0].html.slice(0, 120),
    (v.nodes[0].any[0] || {{}}).message || ''])))"""
STICKS_OUT = "document.documentElement.scrollWidth - document.documentElement.clientWidth"


def main() -> int:
    pages = [Path(name).resolve() for name in sys.argv[1:]]
    found = 0
    with TemporaryDirectory(prefix="housing-pages-") as name:
        folder = Path(name)
        subprocess.run(["npm", "install", "--silent", "--prefix", name, "axe-core@4"], check=True)
        axe = (folder / "node_modules" / "axe-core" / "axe.min.js").read_text()
        with Browser(folder / "browser") as browser:
            for page in pages:
                for width in WIDTHS:
                    for scheme in ("light", "dark", "print"):
                        browser.look_as(width, scheme)
                        browser.open(page.as_uri(), until=DRAWN)
                        browser.evaluate(OPENED)
                        browser.evaluate(f"{axe}; 1")
                        faults = json.loads(browser.evaluate(FAULTS))
                        out = browser.evaluate(STICKS_OUT)
                        sticks = f"{out} px stick out" if out > 0 and scheme != "print" else ""
                        found += len(faults) + bool(sticks)
                        print(page.name, width, scheme, sticks or "fits", f"{len(faults)} faults", flush=True)
                        for fault in faults:
                            print("   ", *fault)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
