"""Experiments declared in YAML: composed by Hydra, recorded by MLflow, deployed by the same files."""

__version__ = "0.1.0"
