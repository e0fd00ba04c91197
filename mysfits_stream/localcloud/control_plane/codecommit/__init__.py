"""CodeCommit's control plane."""
