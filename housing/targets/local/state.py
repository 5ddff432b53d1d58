"""The local server's folder, written so that a crash at any moment leaves either the old or the new state.

server.json             the last server: process id, port, token (0600: whoever can read it can change endpoints)
server.lock             held by the running server, freed by the kernel when it dies
server.log              its log, rotated
deploy.lock             held by a command that changes endpoints
endpoints/<name>.json   what should be served: the deployment, and the digest of each variant's bundle
bundles/<digest>/       our own copies of the models
compiled/<digest>...    their compiled forms, for the server's own use: see `immediate`
captures/<endpoint>/    requests and answers, where a deployment asks for them: see `captures`
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from housing import files
from housing.deployment.bundle import digest
from housing.deployment.spec import Deployment
from housing.errors import DeploymentError
from housing.targets.local import wire

FORMAT = 1


@dataclass(frozen=True)
class Address:
    """Where the last server listened, and the token for its control requests."""

    pid: int
    port: int
    token: str


@dataclass(frozen=True)
class EndpointRecord:
    """One endpoint as it should be served; `bundles` maps each variant to the digest of its files.

    `since_s` is when its variants began to serve with these models and weights, in seconds since 1970; 0: not yet.
    """

    deployment: Deployment
    bundles: Mapping[str, str]
    since_s: float = 0.0


class StateFolder:
    """Reads raise DeploymentError when a file is corrupt or of a newer format; writes when they fail."""

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()
        self.log = self.path / "server.log"
        self._address = self.path / "server.json"
        self._endpoints = self.path / "endpoints"
        self._bundles = self.path / "bundles"
        self._compiled = self.path / "compiled"
        self.captures = self.path / "captures"

    def create(self) -> None:
        try:
            for folder in (self.path, self._endpoints, self._bundles, self._compiled):
                folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise DeploymentError(f"the host's folder {self.path} cannot be made: {error}") from error

    def sweep(self) -> None:
        """Remove what killed writers left behind; only for the holder of `server.lock`."""
        for folder in (self.path, self._endpoints, self._compiled):
            files.sweep(folder)

    def address(self) -> Address | None:
        """None when no server has written it yet, or the file is unreadable: then a new server is started."""
        try:
            value = json.loads(self._address.read_text(encoding="utf-8"))
            address = Address(int(value["pid"]), int(value["port"]), str(value["token"]))
        except (OSError, ValueError, KeyError, TypeError, OverflowError, RecursionError):
            return None
        return address if 0 < address.port < 65536 else None

    def write_address(self, address: Address) -> None:
        _write(self._address, {"format": FORMAT, **asdict(address)})

    def identity(self) -> tuple[int, int] | None:
        """Device and inode of the server's lock: a later folder of the same name differs. None when it is gone."""
        try:
            found = (self.path / "server.lock").stat()
        except OSError:
            return None
        return found.st_dev, found.st_ino

    def has_server(self) -> bool:
        """Whether a server is running, wherever it listens: then `server.lock` is held."""
        try:
            return files.is_held(self.path / "server.lock")
        except OSError:
            return False

    def endpoints(self) -> list[str]:
        return sorted(p.stem for p in self._endpoints.glob("*.json"))

    def read(self, endpoint: str) -> EndpointRecord:
        path = self._endpoints / f"{endpoint}.json"
        try:
            value = json.loads(path.read_text(encoding="utf-8"))
            if value["format"] != FORMAT:
                raise DeploymentError(f"{path} has format {value['format']!r}, this version of housing reads {FORMAT}")
            return EndpointRecord(
                wire.deployment(value["deployment"]), dict(value["bundles"]), float(value.get("since_s", 0.0))
            )
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise DeploymentError(f"{path} is not an endpoint that housing wrote: {error!r}; destroy it") from error

    def write(self, record: EndpointRecord) -> None:
        value = {"format": FORMAT, "deployment": asdict(record.deployment), "bundles": dict(record.bundles)}
        value["since_s"] = record.since_s
        _write(self._endpoints / f"{record.deployment.endpoint}.json", value)

    def forget(self, endpoint: str) -> None:
        (self._endpoints / f"{endpoint}.json").unlink(missing_ok=True)
        files.sync(self._endpoints)

    def bundle(self, name: str) -> Path:
        return self._bundles / name

    def compiled(self, bundle: str) -> Path:
        """The path of a model's compiled form, which may not exist yet."""
        from housing.training.compiled import form_name

        return self._compiled / form_name(self.bundle(bundle), bundle)

    def keep_bundle(self, source: Path) -> str:
        """Copy a model's folder, unless an intact copy exists; returns its digest."""
        if not source.is_dir():
            raise DeploymentError(f"the model's folder {source} does not exist")
        try:
            copy = Path(tempfile.mkdtemp(prefix=".copy-", dir=self._bundles))
            try:
                shutil.copytree(source, copy, dirs_exist_ok=True)
                name = digest(copy)
                kept = self.bundle(name)
                if kept.is_dir() and digest(kept) != name:
                    shutil.rmtree(kept)
                if not kept.is_dir():
                    for path in copy.rglob("*"):
                        files.sync(path)
                    files.install(copy, kept)
                self._keep_form(source, name)
                return name
            finally:
                shutil.rmtree(copy, ignore_errors=True)
        except OSError as error:
            raise DeploymentError(f"the model in {source} cannot be copied to {self._bundles}: {error}") from error

    def _keep_form(self, source: Path, name: str) -> None:
        """Keep a compiled form that was registered with the model, so that it is not compiled again."""
        from housing.training.compiled import kept_form

        if not self.compiled(name).exists() and (form := kept_form(source, name)) is not None:
            files.write(self.compiled(name), form, mode=0o600)

    def check_bundles(self, record: EndpointRecord) -> None:
        """Raises DeploymentError unless the files of every variant are unchanged since they were deployed."""
        altered = [name for name, bundle in record.bundles.items() if digest(self.bundle(bundle)) != bundle]
        if altered:
            raise DeploymentError(f"the files of {', '.join(altered)} in {self._bundles} were altered; deploy again")

    def drop_bundles(self, used: set[str]) -> None:
        """Remove copies that no endpoint uses, and incomplete ones left by a crash."""
        for path in self._bundles.iterdir():
            if path.name not in used:
                shutil.rmtree(path, ignore_errors=True)
        with contextlib.suppress(OSError):
            for path in self._compiled.iterdir():
                if path.name not in {self.compiled(name).name for name in used}:
                    path.unlink()

    @contextlib.contextmanager
    def locked(self, name: str, *, wait_s: float, purpose: str) -> Iterator[None]:
        """Hold `<name>.lock`; DeploymentError names the process that has it when `wait_s` passes."""
        path = self.path / f"{name}.lock"
        with contextlib.ExitStack() as held:
            try:
                held.enter_context(files.locked(path, wait_s=wait_s, holder=str(os.getpid())))
            except files.LockHeldError as error:
                raise DeploymentError(
                    f"{purpose}: process {error.holder or 'unknown'} has held {path} for more than {wait_s:g} s; "
                    "wait for it, or end it"
                ) from None
            except OSError as error:
                raise DeploymentError(f"{purpose}: {path} cannot be opened: {error}") from error
            yield


def _write(path: Path, value: Mapping[str, Any]) -> None:
    """Write atomically; readable only by its owner."""
    try:
        files.write(path, json.dumps(value, indent=2), mode=0o600)
    except OSError as error:
        raise DeploymentError(f"{path} cannot be written: {error}") from error
