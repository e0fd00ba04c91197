"""Runs all benchmarks, or the named: ``python -m benchmarks [NAME…]``.

A run of all is written to RESULTS.md.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

from benchmarks import (
    deploy,
    deploy_commands,
    emptying,
    erase,
    first_local_up,
    first_up,
    hot_path,
    keeping,
    local_cloud,
    memory,
    processor,
    query,
    reading,
    start_up,
)
from benchmarks.measure import Comparison

RESULTS = Path(__file__).with_name("RESULTS.md")
BENCHMARKS: dict[str, Callable[[], Comparison | list[Comparison]]] = {
    "start_up": start_up.run,
    "deploy": deploy.run,
    "deploy_commands": deploy_commands.run,
    "first_up": first_up.run,
    "emptying": emptying.run,
    "erase": erase.run,
    "reading": reading.run,
    "first_local_up": first_local_up.run,
    "local_cloud": local_cloud.run,
    "keeping": keeping.run,
    "memory": memory.run,
    "hot_path": hot_path.run,
    "processor": processor.run,
    "query": query.run,
}

HEAD = """\
# Benchmark results

Written by `make bench`. In each round every side has its turn, in alternating order, and the first round
does not count; a ratio is the median of the rounds' ratios. Stand-ins for AWS run in processes of their own.
How each figure comes about is said in the module that takes it, under `benchmarks/`.
"""


def page(comparisons: list[Comparison]) -> str:
    """The page of results."""
    return "\n\n".join([HEAD.rstrip(), *map(str, comparisons)]) + "\n"


def main(names: list[str]) -> int:
    """Run and print them one by one; returns 1 if a target is missed."""
    if unknown := set(names) - set(BENCHMARKS):
        print(f"{', '.join(sorted(unknown))}: not one of {', '.join(BENCHMARKS)}", file=sys.stderr)
        return 2
    comparisons: list[Comparison] = []
    for name in names or BENCHMARKS:
        found = BENCHMARKS[name]()
        for comparison in [found] if isinstance(found, Comparison) else found:
            print(comparison, end="\n\n", flush=True)
            comparisons.append(comparison)
    if not names:
        RESULTS.write_text(page(comparisons), "utf-8")
    missed = [target for each in comparisons for target in each.targets if not each.met(target)]
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
