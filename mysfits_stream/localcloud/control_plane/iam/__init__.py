"""IAM's control plane: overrides of moto's roles and managed policies."""
