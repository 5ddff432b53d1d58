"""How many threads the libraries of a container's program use, unless its request says otherwise."""

from __future__ import annotations

ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
"""Containers share this machine's cores: each would otherwise start a thread per core."""
