"""Hyperparameter tuning jobs, which start training jobs."""
