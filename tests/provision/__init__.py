"""Each resource against what AWS is known to answer, and against the local cloud."""
