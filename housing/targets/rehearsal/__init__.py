"""Train and serve on a SageMaker that runs on this machine."""
