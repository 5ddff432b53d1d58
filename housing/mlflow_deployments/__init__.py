"""MLflow's deployments API on top of any host: `mlflow deployments -t housing ...`."""
