"""The work of the commands: plain functions that return frozen results.

A module has the name of its command. A result has ``document()``, the JSON of the command; ``output`` renders
results for a terminal. No function here parses options, asks a question or prints.

    options     the global options, and the configuration by the options
    project     a configured stack, its resources, state file and lock, and its target
    pipeline    the deployed pipeline: endpoint, clicks bucket, pace, AWS errors
"""
