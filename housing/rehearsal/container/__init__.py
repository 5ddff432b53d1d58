"""What runs inside of SageMaker's containers: an /opt/ml tree in, a model or predictions out."""
