"""Time, streams, roles, functions, S3 and logs, as the data planes use these services."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

from mysfits_stream.localcloud import iam
from mysfits_stream.localcloud.awslambda.function import Function, Invocation, LambdaError
from mysfits_stream.localcloud.awslambda.runtime import LambdaRuntime
from mysfits_stream.localcloud.condition_keys import request_context, trust_context
from mysfits_stream.localcloud.control_plane.control_plane import ControlPlane, NoSuchBucketError
from mysfits_stream.localcloud.firehose.services import S3Error
from mysfits_stream.localcloud.firehose.stream import Destination, Stream
from mysfits_stream.localcloud.iam import Decision, Role, Verdict
from mysfits_stream.localcloud.request_metrics import RequestMetrics

THROTTLED = 429
ASYNCHRONOUS_ATTEMPTS = 3


class CloudServices:
    """The cloud as Firehose, Lambda and API Gateway see the cloud.

    Safe to call from several threads. ``now`` is the wall clock, so that names, logs and records carry true
    times; ``steady`` is the clock for waiting. Waiting is shorter than on AWS: buffer intervals of a stream
    are divided by ``time_scale``, and Firehose divides pauses.
    """

    def __init__(
        self,
        control_plane: ControlPlane,
        *,
        now: Callable[[], float],
        steady: Callable[[], float],
        time_scale: float,
        directory: Path,
        role: Callable[[str], Role | None],
        client_environment: Callable[[], Mapping[str, str]] = dict,
        metrics: RequestMetrics | None = None,
    ) -> None:
        self.control_plane = control_plane
        self.now = now
        self.steady = steady
        self.time_scale = time_scale
        self.role = role
        """The role of an ARN that is in force; None for a role that cannot be assumed."""
        self._directory = directory
        self._client_environment = client_environment
        self._metrics = metrics or RequestMetrics()
        self._runtimes: dict[str, LambdaRuntime] = {}
        self._scaled: dict[tuple[str, str], tuple[Stream, float, Stream]] = {}
        """Region and name -> the stream as stored, the time scale, and the scaled stream."""

    def stream(self, region: str, name: str) -> Stream | None:
        """The delivery stream with scaled buffer intervals; None for an unknown stream."""
        stream, scale = self.control_plane.stream(region, name), self.time_scale
        if stream is None:
            self._scaled.pop((region, name), None)
            return None
        known = self._scaled.get((region, name))
        if known is None or known[0] is not stream or known[1] != scale:
            known = self._scaled[region, name] = stream, scale, _scaled(stream, scale)
        return known[2]

    def allowed(
        self, role: str, service: str, action: str, resource: str, external_id: str | None = None
    ) -> Verdict:
        """Whether the service may assume the role and call the action on the resource."""
        found = self.role(role)
        return iam.verdict(
            found.trust if found else None,
            found.policies if found else (),
            service=service,
            action=action,
            resource=resource,
            boundary=found.boundary if found else None,
            trust_context=trust_context(now=self.now(), external_id=external_id),
            context=self._context(role, found, resource, "") if found else {},
        )

    def may_assume(self, role: Role, service: str) -> bool:
        """Whether a service may assume a role now."""
        if role.reads_context:
            return iam.may_assume(role.trust, service, trust_context(now=self.now()))
        return may_assume_without_context(role, service)

    def decide(self, arn: str, role: Role, action: str, resource: str, region: str) -> Decision:
        """The decision about an action in ``region`` with the credentials of an assumed role."""
        if role.reads_context:
            context = self._context(arn, role, resource, region)
            return iam.decide(role.policies, role.boundary, action, resource, context)
        return decide_without_context(role, action, resource)

    def _context(self, arn: str, role: Role, resource: str, region: str) -> dict[str, str]:
        """The condition keys of a call.

        The region of the resource's ARN or the bucket, else ``region``.
        """
        _, _, service, named_region, account, name = (resource.split(":", 5) + [""] * 6)[:6]
        if service == "s3":
            bucket = name.partition("/")[0]
            named_region = self.control_plane.bucket_region(bucket) or ""
            account = self.control_plane.bucket_owner(bucket) or ""
        return request_context(
            role_arn=arn,
            role_tags=role.tags,
            region=named_region or region,
            resource_account=account or arn.split(":")[4],
            now=self.now(),
        )

    def function(self, arn: str) -> Function:
        """The function of an ARN, with or without a qualifier. Raises LambdaError."""
        function = self.control_plane.function(arn)
        if function is None:
            raise LambdaError("ResourceNotFoundException", f"Function not found: {arn}", 404)
        return function

    def arn(self, service: str, region: str, resource: str) -> str:
        """The ARN of a resource of the account in a region."""
        return self.control_plane.arn(service, region, resource)

    def function_arn(self, region: str, name: str) -> str:
        """The ARN of a function without a qualifier."""
        return self.arn("lambda", region, f"function:{name}")

    def invoke(self, function_arn: str, payload: bytes, client_context: str | None = None) -> Invocation:
        """Invoke a function and wait for the result; counts errors and throttles.

        Raises LambdaError.
        """
        function = self.function(function_arn)
        region, name = function_arn.split(":")[3], function_arn.split(":")[6]
        try:
            ended = self._runtime(region).invoke(function, payload, client_context)
        except LambdaError as error:
            if error.status == THROTTLED:
                self._metrics.throttle(region, name, self.now())
            raise
        self._metrics.invocation(
            region, name, failed=ended.error is not None, seconds=ended.seconds, at=self.now()
        )
        return ended

    def invoke_asynchronously(self, function_arn: str, payload: bytes) -> None:
        """Invoke a function without a reader of the result.

        Retry twice, as AWS does, but without a pause.
        """
        for _ in range(ASYNCHRONOUS_ATTEMPTS):
            # A throttled event is retried for hours on AWS, and is discarded in the end.
            with contextlib.suppress(LambdaError):
                if self.invoke(function_arn, payload).error is None:
                    return

    def put_object(self, region: str, bucket: str, key: str, body: bytes, headers: Mapping[str, str]) -> None:
        """Store an object. Raises S3Error."""
        try:
            self.control_plane.put_object(region, bucket, key, body, headers)
        except NoSuchBucketError as error:
            raise S3Error(
                "S3.NoSuchBucket",
                "The specified bucket does not exist. Create the bucket or use a different bucket that does "
                "exist.",
            ) from error

    def log(self, region: str, group: str, stream: str, message: str) -> None:
        """Append to a log stream; a line for a missing log stream is lost, as on AWS (F87)."""
        self.control_plane.put_log_event(region, group, stream, message, self.now())

    def close(self) -> None:
        """Stop the processes of all functions."""
        runtimes, self._runtimes = self._runtimes, {}
        for runtime in runtimes.values():
            runtime.close()

    def reap(self) -> None:
        """Stop the processes of functions that were idle for long."""
        for runtime in list(self._runtimes.values()):
            runtime.reap()

    def _runtime(self, region: str) -> LambdaRuntime:
        with self.control_plane.lock:
            if region not in self._runtimes:
                self._runtimes[region] = LambdaRuntime(
                    self._directory / region,
                    now=self.now,
                    log=lambda group, stream, line: self.log(region, group, stream, line),
                    create_log=lambda group, stream: self.control_plane.create_log(region, group, stream),
                    allowed=self.allowed,
                    client_environment=self._client_environment,
                )
            return self._runtimes[region]


@lru_cache(maxsize=1024)
def may_assume_without_context(role: Role, service: str) -> bool:
    """Whether a service may assume a role without :attr:`Role.reads_context`, evaluated once."""
    return iam.may_assume(role.trust, service)


@lru_cache(maxsize=1024)
def decide_without_context(role: Role, action: str, resource: str) -> Decision:
    """The decision of a role without :attr:`Role.reads_context`, evaluated once."""
    return iam.decide(role.policies, role.boundary, action, resource)


def _scaled(stream: Stream, time_scale: float) -> Stream:
    """A stream with shorter intervals."""

    def scaled(destination: Destination) -> Destination:
        return replace(destination, buffer_seconds=destination.buffer_seconds / time_scale)

    return replace(
        stream,
        destination=scaled(stream.destination),
        backup=stream.backup and scaled(stream.backup),
        processor=stream.processor
        and replace(stream.processor, buffer_seconds=stream.processor.buffer_seconds / time_scale),
    )
