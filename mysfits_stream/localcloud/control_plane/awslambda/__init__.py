"""Lambda's control plane."""
