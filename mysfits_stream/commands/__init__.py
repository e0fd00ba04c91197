"""The commands of ``mysfits-stream``, a module per family.

``cli.py`` registers the commands.
"""
