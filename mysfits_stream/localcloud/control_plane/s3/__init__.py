"""S3: overrides of moto's buckets."""
