"""mysfits-stream: a serverless click pipeline, on AWS or on a laptop."""

__version__ = "0.2.0"
