"""Lambda's data plane: deployed functions in processes of their own."""
