"""Firehose's control plane."""
