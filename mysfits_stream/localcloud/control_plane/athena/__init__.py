"""Athena's control plane: workgroups, in moto's storage."""
