"""Train on SageMaker."""
