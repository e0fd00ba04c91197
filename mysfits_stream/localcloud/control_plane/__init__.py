"""The control plane: moto, with one package of overrides per service."""
