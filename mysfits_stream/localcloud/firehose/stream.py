"""A delivery stream as values for the data plane, read from the control plane."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Destination:
    """Bucket, names and format of the objects; prefix and extension may be empty."""

    role_arn: str
    bucket: str
    prefix: str = ""
    error_prefix: str = ""
    buffer_seconds: float = 300
    buffer_bytes: int = 5 * 1024 * 1024
    compression: str = "UNCOMPRESSED"
    extension: str = ""
    time_zone: str = "UTC"
    log_group: str | None = None
    log_stream: str | None = None


@dataclass(frozen=True)
class Processor:
    """The Lambda function for records, and the hints for batches."""

    function_arn: str
    buffer_seconds: float = 60
    buffer_bytes: int = 1024 * 1024
    retries: int = 3


@dataclass(frozen=True)
class Stream:
    """The configuration of a delivery stream; ``created`` tells streams of equal names apart."""

    name: str
    arn: str
    status: str
    version: int
    created: float
    encrypted: bool
    destination: Destination
    processor: Processor | None = None
    delimiter: bytes = b""
    backup: Destination | None = None

    @property
    def partition(self) -> str:
        """The partition of the stream and of all resources of the stream."""
        return self.arn.split(":")[1]

    @property
    def account(self) -> str:
        """The account, also Firehose's external id (F116)."""
        return self.arn.split(":")[4]

    @property
    def region(self) -> str:
        """The stream's region."""
        return self.arn.split(":")[3]
