"""What an interrupted command prints, at whatever point: a line on stderr and, with `--json`, a document on stdout."""

from __future__ import annotations

EXIT_CODE = 130
SAID = "housing: interrupted\n"
DOCUMENT = f'{{"error": "Interrupted", "message": "interrupted", "exit_code": {EXIT_CODE}}}\n'
