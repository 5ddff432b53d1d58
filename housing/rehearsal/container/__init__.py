"""What runs inside SageMaker's containers: an /opt/ml tree in, a model or predictions out."""
