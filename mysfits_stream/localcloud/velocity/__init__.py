"""Mapping templates: Velocity as API Gateway runs it."""
