"""What an interrupted command says, wherever it is: a line on stderr and, with `--json`, the document on stdout."""

from __future__ import annotations

EXIT_CODE = 130
SAID = "housing: interrupted\n"
DOCUMENT = f'{{"error": "Interrupted", "message": "interrupted", "exit_code": {EXIT_CODE}}}\n'
