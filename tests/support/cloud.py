"""The embedded local cloud of a test: on an ephemeral port, on a clock that the test moves."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.support.clock import Clock

if TYPE_CHECKING:
    from mysfits_stream.localcloud.server import LocalCloud


@dataclass(frozen=True)
class CloudUnderTest:
    """A local cloud at AWS's pace; deliveries wait for :meth:`advance`."""

    cloud: LocalCloud
    clock: Clock
    region: str = "eu-west-1"
    snapshots: Path | None = None
    """Where :meth:`make_once` keeps what it has made; None: nowhere."""

    @property
    def endpoint(self) -> str:
        """Its base URL."""
        return self.cloud.endpoint

    def client(self, service: str, region: str | None = None) -> Any:
        """A boto3 client that fails at once where AWS's would try again."""
        import boto3
        from botocore.config import Config

        name: Any = service
        return boto3.client(
            name,
            region_name=region or self.region,
            endpoint_url=self.endpoint,
            aws_access_key_id="test",
            aws_secret_access_key="test",
            config=Config(retries={"total_max_attempts": 1}, s3={"addressing_style": "path"}),
        )

    def make_once(self, what: object, state: Path, make: Callable[[], object]) -> None:
        """Make resources and a state file in an empty cloud; the second time, restore these.

        ``what`` tells by its ``repr`` whether the same is to be made. The time is a part of it.
        """
        if self.snapshots is None:
            make()
            return
        snapshot = self.snapshots / sha256(repr((what, self.clock())).encode()).hexdigest()
        if snapshot.exists():
            self.cloud.control_plane.load(snapshot)
            state.parent.mkdir(exist_ok=True)
            shutil.copy(snapshot / "state", state)
        else:
            make()
            self.cloud.publish_metrics()
            self.cloud.control_plane.save(snapshot)
            shutil.copy(state, snapshot / "state")

    def advance(self, seconds: float) -> None:
        """Let AWS's time pass, and deliver what is due by then."""
        self.clock.advance(seconds)
        self.cloud.deliver_due()
