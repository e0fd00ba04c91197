"""Firehose's data plane: buffers, processor, delivery to S3."""
