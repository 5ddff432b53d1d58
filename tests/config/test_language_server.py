"""The language server that editors use finds nothing in conf/, and marks each slip at its line.

`npm install --global yaml-language-server` brings it; without it, `test_group_schemas.py` holds the schemas alone.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

import pytest

from housing.config.group_schemas import MODELINE, file_name
from tests.config.test_group_schemas import BROKEN, CONF, FILES

SERVER = os.environ.get("YAML_LANGUAGE_SERVER") or shutil.which("yaml-language-server")

pytestmark = pytest.mark.skipif(SERVER is None, reason="needs yaml-language-server, of npm")


class Editor:
    """What an editor says to a language server over its input and output, as far as it takes for diagnostics."""

    def __init__(self, folder: Path) -> None:
        assert SERVER is not None
        self._server = subprocess.Popen([SERVER, "--stdio"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=folder)
        self._folder = folder

    def __enter__(self) -> Self:
        self._say("initialize", {"processId": None, "rootUri": self._folder.as_uri(), "capabilities": {}}, id=1)
        self._hear(lambda said: said.get("id") == 1 and "result" in said)
        self._say("initialized", {})
        return self

    def __exit__(self, *_: object) -> None:
        self._server.kill()
        self._server.communicate()

    def lines(self, file: Path, text: str) -> list[tuple[int, str]]:
        """Each line, from 1, that is marked in a file of this text, and why."""
        document = {"uri": file.as_uri(), "languageId": "yaml", "version": 1, "text": text}
        self._say("textDocument/didOpen", {"textDocument": document})
        said = self._hear(
            lambda said: (
                said.get("method") == "textDocument/publishDiagnostics" and said["params"]["uri"] == file.as_uri()
            )
        )
        self._say("textDocument/didClose", {"textDocument": {"uri": file.as_uri()}})
        return [(one["range"]["start"]["line"] + 1, one["message"]) for one in said["params"]["diagnostics"]]

    def _say(self, method: str, params: Any, **more: Any) -> None:
        body = json.dumps({"jsonrpc": "2.0", "method": method, "params": params, **more}).encode()
        assert self._server.stdin is not None
        self._server.stdin.write(b"Content-Length: %d\r\n\r\n%b" % (len(body), body))
        self._server.stdin.flush()

    def _hear(self, wanted: Any) -> Any:
        assert self._server.stdout is not None
        while True:
            length = 0
            while (line := self._server.stdout.readline().strip()) or not length:
                assert self._server.poll() is None, "the language server has ended"
                name, _, value = line.partition(b":")
                length = int(value) if name.lower() == b"content-length" else length
            said = json.loads(self._server.stdout.read(length))
            if "method" in said and "id" in said:  # a question of the server's: it has no settings
                answer = json.dumps({"jsonrpc": "2.0", "id": said["id"], "result": [None] * 9}).encode()
                assert self._server.stdin is not None
                self._server.stdin.write(b"Content-Length: %d\r\n\r\n%b" % (len(answer), answer))
                self._server.stdin.flush()
            elif wanted(said):
                return said


@pytest.fixture(scope="module")
def editor(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Editor]:
    with Editor(tmp_path_factory.mktemp("editor")) as editor:
        yield editor


def test_nothing_is_marked_in_our_files(editor: Editor) -> None:
    marked = {str(file.relative_to(CONF)): editor.lines(file, file.read_text(encoding="utf-8")) for file in FILES}

    assert {name: lines for name, lines in marked.items() if lines} == {}


@pytest.mark.parametrize(("group", "text"), BROKEN, ids=[text for _, text in BROKEN])
def test_a_slip_is_marked_at_its_line(editor: Editor, group: str, text: str, tmp_path: Path) -> None:
    before = f"{MODELINE}{(CONF / file_name(group)).as_uri()}\n# Of somebody.\n\n"

    marked = editor.lines(tmp_path / f"{group}.yaml", f"{before}{text}\n# The end.\n")

    assert {line for line, _ in marked} == {4}
