"""A training script of the user's, by SageMaker's contract for scripts in framework containers.

It trains as a process (`housing.training.script`) and predicts through the functions that SageMaker calls: `model_fn`,
which loads what the training wrote, and `predict_fn`. A model is a gzipped tar of all that was written into
SM_MODEL_DIR, with the script's own folder in `code/`, so that the archive alone is enough to predict.
"""

from __future__ import annotations

import gzip
import importlib.util
import io
import json
import shutil
import sys
import tarfile
import threading
import weakref
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory, mkdtemp
from types import ModuleType
from typing import TYPE_CHECKING, Any, ClassVar

from housing import archives
from housing.algorithms.base import Algorithm, Capabilities, Hyperparameters
from housing.algorithms.own_code import Program
from housing.errors import ModelError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

MODEL_FORMAT = "tar.gz"
CODE_FOLDER = "code"
ABOUT_FILE = f"{CODE_FOLDER}/program.json"
"""The file in a model archive that holds `entry_point`, `requirements`, and the framework with its versions."""

_importing = threading.RLock()


class Script(Algorithm):
    """Its hyperparameters, rounds and metrics are declared by the configuration that names the script."""

    hyperparameters: ClassVar[Hyperparameters] = {}
    capabilities: ClassVar[Capabilities] = Capabilities(missing_values=True, any_task=True)
    model_format: ClassVar[str] = MODEL_FORMAT

    def load(self, model: bytes) -> Model:
        """See `load`."""
        return load(model)

    def requirements(self, model: bytes) -> list[str]:
        """See `requirements`."""
        return requirements(model)


class Model:
    """What `model_fn` returned for the files; safe to call from several threads, whose calls take turns."""

    def __init__(self, script: ModuleType, entry_point: str, folder: Path) -> None:
        """Raises ValueError when there is no `model_fn`, or when it fails. The folder is removed with the model."""
        weakref.finalize(self, _forget, folder, script.__name__)
        self._entry_point = entry_point
        self._lock = threading.Lock()
        if not hasattr(script, "model_fn"):
            raise ValueError(f"{entry_point} has no model_fn(model_dir), so nothing can read its model back")
        try:
            self._model = script.model_fn(str(folder))
        except Exception as e:
            raise ValueError(f"{entry_point}: model_fn failed: {_reason(e)}") from e
        self._predict: Callable[[Any, Any], Any] = getattr(
            script, "predict_fn", lambda features, model: model.predict(features)
        )

    def predict(self, features: NDArray[np.float32]) -> NDArray[np.float64]:
        """See `housing.algorithms.base.Model`; `predict_fn` may also return (rows, 1).

        Raises ModelError when `predict_fn` fails, or returns anything but finite numbers: one for each row, or one for
        each level.
        """
        import numpy as np

        try:
            with self._lock:
                answer = np.asarray(self._predict(features, self._model), dtype=np.float64)
        except Exception as e:
            raise ModelError(f"{self._entry_point}: predict_fn failed: {_reason(e)}") from e
        if not_finite := int((~np.isfinite(answer)).sum()):
            raise ModelError(f"{self._entry_point}: predict_fn gave {not_finite} numbers that are not finite")
        if answer.ndim == 0 or answer.ndim > 2 or len(answer) != len(features):
            # A single row may be returned as a list of one list.
            if answer.size != len(features):
                raise ModelError(
                    f"{self._entry_point}: predict_fn gave an array {answer.shape} for {len(features):,} rows; "
                    "it must give one number per row, or for a label with several levels one for each of them"
                )
            return answer.reshape(-1)
        return answer.reshape(-1) if answer.size == len(features) else answer


def load(model: bytes) -> Model:
    """The model in an archive's bytes, with its script imported; raises ValueError when it is not one, or does not
    load.
    """
    folder = Path(mkdtemp(prefix="housing-model-"))
    try:
        archives.unpack(model, folder)
        entry_point = _about((folder / ABOUT_FILE).read_bytes())["entry_point"]
        with _importable(folder / CODE_FOLDER, entry_point) as script:
            return Model(script, entry_point, folder)
    except OSError as e:
        shutil.rmtree(folder, ignore_errors=True)
        raise ValueError(f"not a model archive of a script: {e}") from e
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


def about(model: bytes) -> Mapping[str, Any]:
    """What the archive says about its program: `entry_point`, `framework` and so on; raises ValueError."""
    content = _member(model, ABOUT_FILE)
    if content is None:
        raise ValueError(f"not a model archive of a script: it has no {ABOUT_FILE}")
    return _about(content)


def requirements(model: bytes) -> list[str]:
    """The lines of the script's own requirements file, without comments."""
    name = about(model)["requirements"]
    content = _member(model, f"{CODE_FOLDER}/{name}") if name else None
    return requirement_lines((content or b"").decode())


def requirement_lines(text: str) -> list[str]:
    """Requirements, without comments and empty lines."""
    lines = (line.partition(" #")[0].strip() for line in text.splitlines())
    return [line for line in lines if line and not line.startswith("#")]


def model_archive(written: Path, program: Program) -> bytes:
    """The archive of the files that a script has written, with its program; the same files give the same bytes."""
    with TemporaryDirectory(prefix="housing-") as temporary:
        archives.unpack(program.archive, Path(temporary))
        code = {f"{CODE_FOLDER}/{name}": content for name, content in files_in(Path(temporary)).items()}
    described = {
        "entry_point": program.entry_point,
        "requirements": program.requirements,
        "framework": program.framework,
        "framework_version": program.framework_version,
        "py_version": program.py_version,
    }
    return pack({**files_in(written), **code, ABOUT_FILE: f"{json.dumps(described, indent=2)}\n".encode()})


def files_in(folder: Path) -> dict[str, bytes]:
    """Contents by path below the folder; links are followed."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()
    }


def pack(files: Mapping[str, bytes]) -> bytes:
    """A gzipped tar; the same files give the same bytes, in any order and at any time."""
    tar = io.BytesIO()
    with tarfile.open(fileobj=tar, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for name in sorted(files):
            member = tarfile.TarInfo(name)
            member.size, member.mode = len(files[name]), 0o644
            archive.addfile(member, io.BytesIO(files[name]))
    return gzip.compress(tar.getvalue(), compresslevel=6, mtime=0)


def _about(content: bytes) -> Mapping[str, Any]:
    try:
        found: Mapping[str, Any] = json.loads(content)
        _ = found["entry_point"], found["requirements"]
    except (ValueError, KeyError, TypeError) as e:
        raise ValueError(f"not a model archive of a script: {ABOUT_FILE}: {e}") from e
    return found


def _member(archive: bytes, name: str) -> bytes | None:
    return archives.read(archive, lambda found: found == name).get(name)


@contextmanager
def _importable(code: Path, entry_point: str) -> Iterator[ModuleType]:
    """The script as a module, with its folder on the import path; its `if __name__ == "__main__"` does not run.

    Two versions of a script may be loaded at once: modules imported from its folder are then removed from
    `sys.modules`, so that each version finds its own.
    """
    file = code / entry_point
    name = f"housing_script_{sha256(bytes(file)).hexdigest()[:16]}"
    with _importing:
        before = list(sys.path)
        sys.path[:0] = list(dict.fromkeys([str(file.parent), str(code)]))
        try:
            spec = importlib.util.spec_from_file_location(name, file)
            assert spec is not None
            assert spec.loader is not None
            module = sys.modules[name] = importlib.util.module_from_spec(spec)
            try:
                spec.loader.exec_module(module)
            except (Exception, SystemExit) as e:
                raise ValueError(
                    f"{entry_point} cannot be imported: {_reason(e)}; what trains belongs below "
                    '`if __name__ == "__main__":`'
                ) from e
            yield module
        finally:
            sys.path[:] = before
            for known, beside in list(sys.modules.items()):
                if known != name and Path(getattr(beside, "__file__", None) or "/").is_relative_to(code):
                    del sys.modules[known]


def _forget(folder: Path, name: str) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    sys.modules.pop(name, None)


def _reason(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__


ALGORITHM = Script()
