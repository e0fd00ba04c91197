"""SNS's control plane: topics with subscriptions that nobody confirms."""
