"""A SageMaker that runs on this machine: the same API, real training, real serving; no Docker, no account.

It imports nothing from the rest of housing, so that the two cannot agree by sharing a mistake.
"""
