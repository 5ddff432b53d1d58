"""XGBoost, imported without `scipy.stats`: `from housing.algorithms.xgboost_library import xgboost`.

XGBoost imports scikit-learn, which imports `scipy.stats` for a handful of functions: half of the whole import time. A
stand-in takes its place during the import, and imports the real module as soon as anything of it is used.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from types import ModuleType
from typing import Any

_NAME = "scipy.stats"
_FUNCTIONS = ("rankdata",)
"""What scikit-learn imports from it by name; a call goes to the real function."""


class _Later(ModuleType):
    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return _called_later(name) if name in _FUNCTIONS else getattr(_real(), name)


@contextmanager
def _without_statistics() -> Iterator[None]:
    if _NAME in sys.modules:
        yield
        return
    sys.modules[_NAME] = _Later(_NAME)
    try:
        yield
    finally:
        _make_room()


def _called_later(name: str) -> Callable[..., Any]:
    def call(*arguments: Any, **options: Any) -> Any:
        return getattr(_real(), name)(*arguments, **options)

    return call


def _real() -> ModuleType:
    _make_room()
    return import_module(_NAME)


def _make_room() -> None:
    if isinstance(sys.modules.get(_NAME), _Later):
        del sys.modules[_NAME]


with _without_statistics():
    import xgboost

__all__ = ["xgboost"]
