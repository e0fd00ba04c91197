"""Athena's control plane: workgroups, as moto stores these."""
