"""CloudWatch's control plane: alarms, evaluated on the metrics of the local cloud."""
