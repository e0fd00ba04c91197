"""Settings of a bucket that reads show late, on a clock of the test."""

from __future__ import annotations

from mysfits_stream.localcloud.aws_behavior.chance import Chance
from mysfits_stream.localcloud.aws_behavior.stale_reads import LIFECYCLE, StaleReads
from mysfits_stream.localcloud.http.calls import Call
from mysfits_stream.localcloud.http.messages import Response
from tests.support.clock import Clock

READS = 40


class Account:
    """One account with stale reads."""

    def __init__(self) -> None:
        self.clock = Clock(0)
        self.reads = StaleReads(self.clock, Chance(1))

    def __call__(self, operation: str, body: bytes = b"") -> Response:
        call = Call("s3", operation, "eu-west-1", "name")
        return self.reads.around(call, lambda: Response(200, {}, body))

    def bodies(self, operation: str, body: bytes) -> set[bytes]:
        return {self(operation, body).body for _ in range(READS)}


def test_a_changed_setting_is_shown_late() -> None:
    account = Account()
    assert account.bodies("GetBucketVersioning", b"off") == {b"off"}
    account("PutBucketVersioning")
    assert account.bodies("GetBucketVersioning", b"on") == {b"off", b"on"}
    account.clock.advance(LIFECYCLE[1])
    assert account.bodies("GetBucketVersioning", b"on") == {b"on"}


def test_a_first_lifecycle_configuration_is_missing_for_longest() -> None:
    account = Account()
    account("PutBucketLifecycleConfiguration")
    account.clock.advance(LIFECYCLE[0] - 0.1)
    seen = [account("GetBucketLifecycleConfiguration", b"rules") for _ in range(READS)]
    assert {(each.status, b"NoSuchLifecycleConfiguration" in each.body) for each in seen} == {
        (200, False),
        (404, True),
    }
    account.clock.advance(LIFECYCLE[1])
    assert account.bodies("GetBucketLifecycleConfiguration", b"rules") == {b"rules"}


def test_a_bucket_made_anew_shows_no_setting_of_the_deleted_one() -> None:
    account = Account()
    account.bodies("GetBucketTagging", b"old")
    account("DeleteBucket")
    account("PutBucketTagging")
    seen = {account("GetBucketTagging", b"new").body for _ in range(READS)}
    assert b"old" not in seen and b"new" in seen
