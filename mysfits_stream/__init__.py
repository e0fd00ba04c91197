"""mysfits-stream: a serverless click pipeline on AWS, and the same pipeline on a laptop."""

__version__ = "0.1.0"
