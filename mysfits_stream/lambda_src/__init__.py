"""What runs in AWS Lambda: the standard library, ``requirements.txt``, and nothing else of this project."""
