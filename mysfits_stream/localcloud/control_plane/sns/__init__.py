"""SNS's control plane: topics with pending subscriptions."""
