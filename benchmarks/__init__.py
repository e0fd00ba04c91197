"""Measurements and the pages written from them. Nothing in ``mysfits_stream`` imports this."""
