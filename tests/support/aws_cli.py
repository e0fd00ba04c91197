"""The AWS CLI, run for real against the local cloud of a test.

Only when asked for: set MYSFITS_STREAM_AWS_CLI to the path of an ``aws`` command, or to ``install`` for one
in an environment of its own. The session's fixture takes such variables away, so it is read before.
"""

from __future__ import annotations

import os
import subprocess
import sys
import venv
from dataclasses import dataclass
from pathlib import Path

from tests.support.cloud import CloudUnderTest

ASKED_FOR = os.environ.get("MYSFITS_STREAM_AWS_CLI", "")
REASON = "MYSFITS_STREAM_AWS_CLI names no AWS CLI"


@dataclass(frozen=True)
class AwsCli:
    """One ``aws`` command."""

    path: Path

    @classmethod
    def asked_for(cls, folder: Path) -> AwsCli:
        """The one that is named, or a new one in a folder."""
        if ASKED_FOR != "install":
            return cls(Path(ASKED_FOR))
        venv.create(folder, with_pip=True)
        subprocess.run([folder / "bin" / "pip", "install", "--quiet", "awscli"], check=True, timeout=600)
        return cls(folder / "bin" / "aws")

    def run(self, cloud: CloudUnderTest, *arguments: str) -> str:
        """What it prints; fails unless it ends well."""
        environment = {
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            # Not --endpoint-url: `package` has a client for S3 that does not listen to it.
            "AWS_ENDPOINT_URL": cloud.endpoint,
            "AWS_DEFAULT_REGION": cloud.region,
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        }
        command = [str(self.path), *arguments]
        done = subprocess.run(
            command, env=environment, capture_output=True, text=True, timeout=300, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout
