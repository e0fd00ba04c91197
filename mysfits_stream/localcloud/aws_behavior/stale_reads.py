"""Stale reads of a bucket's settings (F153)."""

from __future__ import annotations

import re
import threading
from collections import Counter
from collections.abc import Callable

from mysfits_stream.localcloud.aws_behavior.chance import Chance
from mysfits_stream.localcloud.http.calls import Call
from mysfits_stream.localcloud.http.messages import Response
from mysfits_stream.localcloud.http.refusals import refused

STALE = 0.4
"""The share of reads that show the earlier state, as long as any do."""
SETTINGS = (1.0, 6.0)  # seconds after a change of a bucket's setting
LIFECYCLE = (5.0, 60.0)  # the lifecycle configuration takes longest

SETTING = re.compile(
    r"(?P<verb>Put|Get|Delete)(?P<setting>"
    r"Bucket(Encryption|Lifecycle|OwnershipControls|Policy|Tagging|Versioning)(Configuration)?"
    r"|PublicAccessBlock)"
)
# The answers for a setting that was never written.
NEVER_WRITTEN = {
    "BucketLifecycle": ("NoSuchLifecycleConfiguration", "The lifecycle configuration does not exist"),
    "BucketPolicy": ("NoSuchBucketPolicy", "The bucket policy does not exist"),
    "BucketTagging": ("NoSuchTagSet", "The TagSet does not exist"),
}


class StaleReads:
    """The earlier settings of an account's buckets; thread-safe. ``now`` is in AWS's seconds."""

    def __init__(self, now: Callable[[], float], chance: Chance) -> None:
        self._now = now
        self._chance = chance
        self._lock = threading.Lock()
        self._shown: dict[tuple[str, ...], Response] = {}
        self._earlier: dict[tuple[str, ...], tuple[float, Response]] = {}
        self._counts: Counter[tuple[str, ...]] = Counter()

    def around(self, call: Call, answer: Callable[[], Response]) -> Response:
        """Answer a call; a read of a setting perhaps with the earlier setting."""
        setting = SETTING.fullmatch(call.operation) if call.service == "s3" else None
        if setting:
            return self._of_setting(call, setting["verb"], setting["setting"], answer)
        response = answer()
        if call.operation == "DeleteBucket" and response.status < 300:
            with self._lock:
                for each in [each for each in self._shown if each[0] == call.resource]:
                    del self._shown[each]
        return response

    def _of_setting(self, call: Call, verb: str, setting: str, answer: Callable[[], Response]) -> Response:
        key = (call.resource, setting.removesuffix("Configuration"))
        response = answer()
        with self._lock:
            self._counts[verb, *key] += 1
            count = self._counts[verb, *key]
            if verb == "Get":
                until, earlier = self._earlier.get(key, (0.0, response))
                if self._now() < until and self._happens(call, count):
                    return earlier
                self._shown[key] = response
            elif response.status < 300 and (before := self._shown.get(key, _never_written(call, key[1]))):
                span = LIFECYCLE if key[1] == "BucketLifecycle" else SETTINGS
                until = self._now() + self._chance.between(*span, "setting", *key, count)
                self._earlier[key] = (until, before)
        return response

    def _happens(self, call: Call, count: int) -> bool:
        return self._chance.happens(STALE, "stale", call.operation, call.resource, count)


def _never_written(call: Call, setting: str) -> Response | None:
    if setting == "BucketVersioning":
        return Response(200, {"Content-Type": "application/xml"}, b"<VersioningConfiguration/>")
    code, message = NEVER_WRITTEN.get(setting, ("", ""))
    return refused(call, 404, code, message) if code else None
