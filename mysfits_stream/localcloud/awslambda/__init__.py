"""Lambda's data plane: deployed functions in separate processes."""
