"""Mapping templates: API Gateway's Velocity."""
