"""Results of operations on the terminal or as JSON."""
