"""A delivery stream as the data plane sees it: values, read from the control plane."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Destination:
    """Where objects go and what they are; an empty prefix or extension is none."""

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
    """The Lambda function that transforms records, and how it is fed."""

    function_arn: str
    buffer_seconds: float = 60
    buffer_bytes: int = 1024 * 1024
    retries: int = 3


@dataclass(frozen=True)
class Stream:
    """A delivery stream as it is configured now; ``created`` tells it from a later one of its name."""

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
        """The partition of the stream and of everything that it uses."""
        return self.arn.split(":")[1]

    @property
    def account(self) -> str:
        """The account, which is also the external id that Firehose presents (F116)."""
        return self.arn.split(":")[4]

    @property
    def region(self) -> str:
        """The stream's region."""
        return self.arn.split(":")[3]
