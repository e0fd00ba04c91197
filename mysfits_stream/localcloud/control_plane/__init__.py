"""The control plane: moto, with a package of overrides per service."""
