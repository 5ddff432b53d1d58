"""Optuna, imported without output: `from housing.tuning.optuna_library import optuna`.

In a notebook without widgets its progress bar, which nothing here shows, would warn with the path of a file of its own.
"""

from __future__ import annotations

import warnings

with warnings.catch_warnings():
    warnings.filterwarnings("ignore", "IProgress not found")
    import optuna

__all__ = ["optuna"]
