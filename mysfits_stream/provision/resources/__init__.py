"""One module per AWS resource of the stack."""
