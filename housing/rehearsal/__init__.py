"""A SageMaker that runs on this machine: the same API, real training, real serving; no Docker, no account.

It knows nothing of the rest of housing, so that it cannot agree with it by mistake.
"""
