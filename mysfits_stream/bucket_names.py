"""S3's rules for the names of general purpose buckets (F155)."""

from __future__ import annotations

import re

RESERVED_PREFIXES = ("xn--", "sthree-", "amzn-s3-demo-")
RESERVED_SUFFIXES = ("-s3alias", "--ol-s3", ".mrap", "--x-s3", "--table-s3", "-an")
"""Reserved by S3 for aliases, access points, directory and table buckets, and account regional namespaces."""


def rejection(name: str) -> str | None:
    """The reason why S3 rejects a bucket name, or None."""
    if not re.fullmatch(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]", name):
        return "3 to 63 of a-z, 0-9, '.' and '-', beginning and ending with a letter or digit"
    if ".." in name:
        return "without adjacent periods"
    if re.fullmatch(r"\d+\.\d+\.\d+\.\d+", name):
        return "not in the form of an IP address"
    if prefix := next((each for each in RESERVED_PREFIXES if name.startswith(each)), None):
        return f"not beginning with {prefix}, which S3 reserves"
    if suffix := next((each for each in RESERVED_SUFFIXES if name.endswith(each)), None):
        return f"not ending with {suffix}, which S3 reserves"
    return None
