"""The embedded local cloud: moto keeps what was provisioned, this package runs it."""
