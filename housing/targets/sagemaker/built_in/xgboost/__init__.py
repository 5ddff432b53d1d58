"""SageMaker's built-in XGBoost."""
