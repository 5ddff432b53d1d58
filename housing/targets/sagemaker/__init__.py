"""Train and serve on Amazon SageMaker."""
