"""The code for AWS Lambda; imports the standard library and ``requirements.txt`` only."""
