"""CloudWatch Logs: overrides of moto's log groups."""
