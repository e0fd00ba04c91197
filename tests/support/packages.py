"""Packages of a processor for tests of code changes."""

from __future__ import annotations

import io
import zipfile

from mysfits_stream.provision.processor_zip import Package, processor_package


def package(code: str | None = None, release: str = "") -> Package:
    """A package with other code, or the processor's with another file."""
    buffer = io.BytesIO() if code else io.BytesIO(processor_package().zip_bytes)
    with zipfile.ZipFile(buffer, "a") as archive:
        name, text = ("stream_processor.py", code) if code else ("release.txt", release)
        archive.writestr(zipfile.ZipInfo(name, (2026, 1, 1, 0, 0, 0)), text)
    return Package(buffer.getvalue(), ())
