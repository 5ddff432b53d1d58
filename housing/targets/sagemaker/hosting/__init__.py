"""Serve on SageMaker."""
