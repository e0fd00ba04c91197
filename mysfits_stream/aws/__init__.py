"""Account and clients, AWS errors, waiting, concurrent reads, and fast S3 parsing."""
