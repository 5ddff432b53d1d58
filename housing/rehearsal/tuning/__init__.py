"""Hyperparameter tuning jobs, which train by training jobs."""
