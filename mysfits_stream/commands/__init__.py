"""The commands of ``mysfits-stream``, one module a family; ``cli.py`` joins them."""
