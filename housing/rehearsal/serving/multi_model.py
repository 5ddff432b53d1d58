"""A machine that serves many models below one prefix: each is fetched and loaded when first requested."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import TYPE_CHECKING

from housing.rehearsal.container.inference import Answer
from housing.rehearsal.responses import ApiError

if TYPE_CHECKING:
    from housing.rehearsal.serving.machines import Machine

_MOST_LOADED = 50


class MultiModelMachine:
    """`load` starts the model of a URI; the least recently used one is unloaded to make room. For any thread."""

    def __init__(self, image: str, prefix: str, load: Callable[[str], Machine]) -> None:
        self.image = image
        self._prefix = prefix
        self._load = load
        self._lock = threading.Lock()
        self._loaded: OrderedDict[str, Machine] = OrderedDict()

    def invoke(self, body: bytes, content_type: str | None, accept: str | None, target: str | None = None) -> Answer:
        """Raises ApiError where `target`, the path of a model below the prefix, is missing or does not exist."""
        if not target:
            raise ApiError("ValidationError", "TargetModel is required: the endpoint serves several models.")
        return self._model(target).invoke(body, content_type, accept)

    def close(self) -> None:
        with self._lock:
            loaded, self._loaded = list(self._loaded.values()), OrderedDict()
        for machine in loaded:
            machine.close()

    def _model(self, target: str) -> Machine:
        with self._lock:
            if target not in self._loaded:
                self._loaded[target] = self._load(f"{self._prefix.rstrip('/')}/{target.lstrip('/')}")
                if len(self._loaded) > _MOST_LOADED:
                    self._loaded.popitem(last=False)[1].close()
            self._loaded.move_to_end(target)
            return self._loaded[target]
