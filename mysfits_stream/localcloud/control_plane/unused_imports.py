"""Defers moto's module of certificates, which the local cloud never uses: 8 MB and 40 ms.

``moto_state.py`` imports this module before moto. IAM's operations on certificates are rejected before moto
(``simulated/operations.py``).
"""

from __future__ import annotations

import importlib.util
import sys


def defer(name: str) -> None:
    """Let the next import of a module run the module at the first use of one of its names."""
    if name in sys.modules:
        return
    spec = importlib.util.find_spec(name)
    if spec is None or spec.loader is None:
        return
    loader = importlib.util.LazyLoader(spec.loader)
    spec.loader = loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    loader.exec_module(module)
    package, _, attribute = name.rpartition(".")
    setattr(sys.modules[package], attribute, module)


defer("cryptography.x509")
