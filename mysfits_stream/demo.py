"""``make demo``: the main job on the local cloud: up, a click, the enriched click.

Runs the commands in the way of a user, with a headline before each output.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys

COMMANDS = (
    ("up",),
    ("send-test-click",),
    ("status",),
)

NEXT = """
Try next, from build/demo:
  ../../.venv/bin/mysfits-stream send-test-click --count 20
  ../../.venv/bin/mysfits-stream clicks              the clicks that have arrived, and who was clicked most
  ../../.venv/bin/mysfits-stream query "SELECT species, count(*) FROM clicks_raw GROUP BY 1"    ask with SQL
  ../../.venv/bin/mysfits-stream plan                what `up` would change: edit a config.yaml there first
  ../../.venv/bin/mysfits-stream local status        the local cloud; AWS's own CLI can talk to it, too
  ../../.venv/bin/mysfits-stream down --delete-data  remove it all
On AWS it is the same commands with --target aws."""


def main() -> int:
    """Run the demo; returns the first failing exit code, or 0."""
    # The demo is about the local cloud, whatever the shell is set up for.
    environment = {key: value for key, value in os.environ.items() if not key.startswith("MYSFITS_STREAM_")}
    for command in COMMANDS:
        print(f"\n$ mysfits-stream {' '.join(command)}", flush=True)
        done = subprocess.run(  # noqa: S603 - our own command
            [sys.executable, "-m", "mysfits_stream", "--target", "local", *command],
            env=environment,
            check=False,
        )
        if done.returncode:
            return done.returncode
    endpoint = _local_endpoint(environment)
    print(f"\nThe website, sending its clicks to this stack:  {endpoint}/_site/")
    print(NEXT)
    return 0


def _local_endpoint(environment: dict[str, str]) -> str:
    answer = subprocess.run(
        [sys.executable, "-m", "mysfits_stream", "local", "status", "--json"],
        env=environment,
        check=True,
        capture_output=True,
        text=True,
    )
    return str(json.loads(answer.stdout)["endpoint"])


if __name__ == "__main__":
    sys.exit(main())
