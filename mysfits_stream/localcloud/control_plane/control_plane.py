"""The control plane: AWS's stored resources, held by moto in this process.

Only moto_state.py imports moto. moto's own application handles a request unless the service has an override,
for services whose operations moto drops or gets wrong. The data plane reads provisioned resources in process,
through the methods of :class:`ControlPlane`, and writes objects, log events and metrics the same way.
"""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from mysfits_stream.localcloud import iam, simulated
from mysfits_stream.localcloud.awslambda.function import Function
from mysfits_stream.localcloud.condition_keys import trust_context
from mysfits_stream.localcloud.control_plane import json_requests, moto_state, persistence
from mysfits_stream.localcloud.control_plane.apigateway import RestApis
from mysfits_stream.localcloud.control_plane.athena.queries import Queries
from mysfits_stream.localcloud.control_plane.athena.workgroups import Workgroups
from mysfits_stream.localcloud.control_plane.awslambda import code_location
from mysfits_stream.localcloud.control_plane.awslambda.functions import Functions
from mysfits_stream.localcloud.control_plane.cloudformation import CloudFormation
from mysfits_stream.localcloud.control_plane.cloudwatch.alarms import Alarms
from mysfits_stream.localcloud.control_plane.codecommit.repositories import CodeCommit
from mysfits_stream.localcloud.control_plane.firehose.delivery_streams import DeliveryStreams
from mysfits_stream.localcloud.control_plane.glue.data_catalog import DataCatalog
from mysfits_stream.localcloud.control_plane.iam.managed_policies import ManagedPolicies
from mysfits_stream.localcloud.control_plane.iam.role_times import RoleTimes
from mysfits_stream.localcloud.control_plane.iam.roles import Roles
from mysfits_stream.localcloud.control_plane.logs import metric_filters
from mysfits_stream.localcloud.control_plane.logs.log_groups import LogGroups
from mysfits_stream.localcloud.control_plane.logs.retention_policies import RetentionPolicies
from mysfits_stream.localcloud.control_plane.moto_state import Datum, MissingBucket
from mysfits_stream.localcloud.control_plane.s3.buckets import S3
from mysfits_stream.localcloud.control_plane.sns.topics import Topics
from mysfits_stream.localcloud.control_plane.tagging.tagged import TaggedResources
from mysfits_stream.localcloud.control_plane.transitions import Transitions, at_once
from mysfits_stream.localcloud.execute_api.handler import CallService
from mysfits_stream.localcloud.firehose.stream import Stream
from mysfits_stream.localcloud.http.calls import Call, identify_as
from mysfits_stream.localcloud.http.messages import (
    Handler,
    Request,
    Response,
    json_response,
)
from mysfits_stream.localcloud.iam import Role
from mysfits_stream.localcloud.settings import ACCOUNT

log = logging.getLogger(__name__)

MOST_METRIC_DATA = 200_000
"""Values of all metrics of a region; the oldest are deleted first."""

# An override gets every request to its service, and calls moto for requests that it does not handle.
Override = Callable[[Request, Handler], Response]


def in_turn(*overrides: Override) -> Override:
    """A chain of overrides for a service: each calls the next, and the last calls moto."""
    first, *rest = overrides
    if not rest:
        return first
    then = in_turn(*rest)
    return lambda request, moto: first(request, lambda asked: then(asked, moto))


class NoSuchBucketError(Exception):
    """The data plane's target bucket does not exist."""


class ControlPlane:
    """AWS's control plane in one process; safe to call from several threads.

    ``settling`` returns the duration of a resource's transition in seconds of the clock: (transition, ARN).
    """

    def __init__(
        self,
        now: Callable[[], float] = time.time,
        settling: Callable[[str, str], float] = at_once,
        *,
        steady: Callable[[], float] | None = None,
    ) -> None:
        self._now = now
        self._steady = steady or now
        self._settling = settling
        # moto is not made for several threads at once. Nothing under this lock may wait for the data plane.
        self.lock = threading.RLock()
        self.changes = 0
        """How often something may have changed, for who wants to know whether to save."""
        self.calls_in: Callable[[str], CallService] | None = None
        """What TestInvokeMethod calls the AWS services of a region with; set by who serves the data plane."""
        self.publish_metrics: Callable[[], None] = lambda: None
        """Stores the metrics of the data plane; called before each request to CloudWatch."""
        self.run_later: Callable[[Callable[[], None]], None] | None = None
        """Runs a job in the background; set by who has a background. None: at once."""
        self._ask_moto = moto_state.application()
        self.reset()

    def reset(self) -> None:
        """Forget everything, as a new account."""
        with self.lock:
            moto_state.reset()
            self.rest_apis = RestApis(
                ACCOUNT, self._now, lambda region: self.calls_in(region) if self.calls_in else None
            )
            self.s3 = S3(ACCOUNT, moto_state.bucket_owner)
            transitions = Transitions(self._now, self._steady, self._settling)
            lambda_can_assume = self._can_assume("lambda.amazonaws.com")
            self.functions = Functions(ACCOUNT, lambda_can_assume, transitions)
            # Firehose presents the account as external id (F116).
            firehose_can_assume = self._can_assume("firehose.amazonaws.com", ACCOUNT)
            self.delivery_streams = DeliveryStreams(ACCOUNT, firehose_can_assume, transitions)
            self.retention_policies = RetentionPolicies()
            self.overrides: dict[str, Override] = {
                "athena": in_turn(
                    Queries(ACCOUNT, self.backend, self, self._now, self._run_later, self.lock),
                    Workgroups(lambda region: self.backend("athena", region), self._now),
                ),
                "cloudformation": CloudFormation(self.handle),
                "codecommit": CodeCommit(ACCOUNT, self._now),
                "firehose": self.delivery_streams,
                "glue": DataCatalog(ACCOUNT, lambda region: self.backend("glue", region)),
                "iam": in_turn(
                    ManagedPolicies(ACCOUNT),
                    Roles(ACCOUNT),
                    RoleTimes(lambda region: self.backend("iam", region), self._now),
                ),
                "lambda": self.functions,
                "logs": LogGroups(lambda region: self.backend("logs", region), self.retention_policies),
                "s3": self.s3,
                "monitoring": Alarms(lambda region: self.backend("cloudwatch", region), self._now),
                "sns": Topics(lambda region: self.backend("sns", region)),
                "tagging": TaggedResources(self._tagged_apis, moto_state.bucket_region),
            }

    def save(self, directory: Path) -> None:
        """Write the whole state to a directory for :meth:`load`."""
        self.write(directory, self.dump({}))

    def dump(self, more: Mapping[str, Any]) -> memoryview:
        """A copy of everything, and of ``more``."""
        with self.lock:
            own = {
                "rest_apis": self.rest_apis.dump(),
                "policies": self.s3.policies,
                "retention_policies": self.retention_policies.policies,
            }
            return persistence.dump({**more, **own})

    def write(self, directory: Path, copy: memoryview) -> None:
        """Write the result of :meth:`dump` to a directory."""
        persistence.write(directory, copy)

    def load(self, directory: Path) -> Mapping[str, Any]:
        """Restore a saved state, if any; returns ``more`` of :meth:`dump`. Raises KeepingError."""
        with self.lock:
            self.reset()
            if kept := persistence.load(directory):
                self.rest_apis.load(kept["rest_apis"])
                self.s3.policies.update(kept["policies"])
                # Absent in what an earlier version saved.
                self.retention_policies.policies.update(kept.get("retention_policies", {}))
                for service, account, region in moto_state.dump()["backends"]:
                    if (service, account) == ("firehose", ACCOUNT):
                        self.delivery_streams.settle(region)
            return kept or {}

    def handle(self, request: Request) -> Response:
        """Handle a request of an AWS client."""
        if request.path.startswith("/moto-api"):
            # moto's own switches would change its state behind the overrides' backs.
            return json_response(404, {"message": "not part of the local cloud"})
        # A request that is neither signed nor names an operation is a browser's request to S3.
        service = request.service or ("" if request.operation else "s3")
        if service == "lambda" and (code := code_location.download(request, self.function)):
            return code
        if service == "monitoring":
            self.publish_metrics()
        call = identify_as(service, request)
        if refusal := simulated.refusal(service, call, request):
            return refusal
        if call and simulated.is_listed(service) and service != "s3":
            found = json_requests.read(call, request)
            if isinstance(found, Response):
                return found
            request = found
        try:
            return self._answer(service, request, call)
        except Exception:
            # Also of moto: an operation that moto does not have, or a request that moto cannot read.
            log.exception("%s %s", request.method, request.path)
            failed = call or Call(service, request.operation, request.region)
            what = f"{service}:{failed.operation} with these parameters (see the log)"
            return simulated.not_simulated(failed, what)
        finally:
            # After the change: a save in between would count the change without having it.
            if request.method not in ("GET", "HEAD"):
                self.changes += 1

    def _answer(self, service: str, request: Request, call: Call | None) -> Response:
        if service == "apigateway" and (answer := self.rest_apis.handle(request)):
            return answer
        with self.lock:
            override = self.overrides.get(service)
            response = override(request, self._ask_moto) if override else self._ask_moto(request)
        if call and (call.service, call.operation) == ("lambda", "GetFunction") and response.status == 200:
            return code_location.with_local_location(request, response)
        return response

    # What the data plane reads

    def backend(self, service: str, region: str) -> Any:
        """moto's backend of a service; a global service (iam, s3, sts) has a backend per partition."""
        return moto_state.backend(service, ACCOUNT, region)

    def arn(self, service: str, region: str, resource: str) -> str:
        """The ARN of a resource of the account in a region."""
        return f"arn:{moto_state.partition(region)}:{service}:{region}:{ACCOUNT}:{resource}"

    def role(self, arn: str) -> Role | None:
        """The role with inline and attached policies; None for an unknown role."""
        parts = arn.split(":", 5)
        if len(parts) < 6 or not parts[5].startswith("role/"):
            return None
        with self.lock:
            documents = moto_state.role(ACCOUNT, parts[1], arn)
        return None if documents is None else _role(documents)

    def role_arn(self, region: str, name: str, path: str = "/") -> str:
        """The ARN of a role; for an unknown role, the ARN of a new role with the path."""
        with self.lock:
            found = moto_state.role_arn(ACCOUNT, region, name)
        return found or f"arn:{moto_state.partition(region)}:iam::{ACCOUNT}:role{path}{name}"

    def objects(self, bucket: str, prefix: str) -> list[tuple[str, int]]:
        """The keys that begin with ``prefix``, in order, with sizes; raises KeyError."""
        with self.lock:
            return moto_state.objects(bucket, prefix)

    def object_content(self, bucket: str, key: str) -> bytes:
        """The content of an object; raises KeyError for an unknown object."""
        with self.lock:
            return moto_state.object_content(bucket, key)

    def _run_later(self, job: Callable[[], None]) -> None:
        if self.run_later:
            self.run_later(job)
        else:
            job()

    def bucket_owner(self, bucket: str) -> str | None:
        """The account of a bucket; None for an unknown bucket."""
        return moto_state.bucket_owner(bucket)

    def bucket_region(self, bucket: str) -> str | None:
        """The region of a bucket; None for an unknown bucket."""
        return moto_state.bucket_region(bucket)

    def stream(self, region: str, name: str) -> Stream | None:
        """The delivery stream; None for an unknown stream."""
        return self.delivery_streams.stream(region, name)

    def streams(self) -> list[Stream]:
        """The delivery streams of all regions."""
        with self.lock:
            return [
                stream
                for service, account, region in moto_state.dump()["backends"]
                if (service, account) == ("firehose", ACCOUNT)
                for stream in self.delivery_streams.streams(region)
            ]

    def function(self, arn: str) -> Function | None:
        """The function of an ARN, with or without a qualifier; None for an unknown function.

        Raises LambdaError for a function that cannot be invoked now.
        """
        with self.lock:
            return self.functions.function(arn)

    def _tagged_apis(self, region: str) -> dict[str, Mapping[str, str]]:
        found: dict[str, Mapping[str, str]] = {}
        stored = self.rest_apis.dump()
        for key, domain in stored["domains"].items():
            if key.startswith(f"{region}/"):
                found[domain["domainNameArn"]] = domain["tags"]
        for api in stored["apis"].values():
            if api["region"] == region:
                arn = f"arn:{moto_state.partition(region)}:apigateway:{region}::/restapis/{api['id']}"
                found[arn] = api.get("tags") or {}
                for name, stage in api["stages"].items():
                    found[f"{arn}/stages/{name}"] = stage.get("tags") or {}
        return found

    def _can_assume(self, service: str, external_id: str | None = None) -> Callable[[str], bool]:
        def can_assume(role_arn: str) -> bool:
            role = self.role(role_arn)
            presented = trust_context(now=self._now(), external_id=external_id)
            return role is not None and iam.may_assume(role.trust, service, presented)

        return can_assume

    # What the data plane writes

    def put_object(
        self, region: str, bucket: str, key: str, body: bytes, headers: Mapping[str, str] | None = None
    ) -> None:
        """Store an object with HTTP ``headers`` (Content-Type …). Raises NoSuchBucketError."""
        with self.lock:
            self.changes += 1
            try:
                stored = self.backend("s3", region).put_object(bucket, key, body)
            except MissingBucket as error:
                raise NoSuchBucketError(bucket) from error
            stored.set_metadata({name.lower(): value for name, value in (headers or {}).items()})

    def put_log_event(self, region: str, group: str, stream: str, message: str, at: float) -> bool:
        """Append an event to a log stream; False if the group or the stream is missing (F87)."""
        with self.lock:
            groups = self.backend("logs", region).groups
            if group not in groups or stream not in groups[group].streams:
                return False
            self.changes += 1
            # Not by PutLogEvents: it refuses what is old by the wall clock, and ours may be another.
            event = {"timestamp": int(at * 1000), "message": message}
            groups[group].streams[stream].put_log_events([event])
            for namespace, name, value in metric_filters.counted(
                self.backend("logs", region), group, message
            ):
                self.put_metric(region, Datum(namespace, name, value, "None", {}, at))
            return True

    def create_log(self, region: str, group: str, stream: str | None) -> None:
        """Create a log group, or a log stream in an existing group, unless it exists."""
        with self.lock:
            logs = self.backend("logs", region)
            if stream is None and group not in logs.groups:
                self.changes += 1
                logs.create_log_group(group, {})
            if stream and group in logs.groups and stream not in logs.groups[group].streams:
                self.changes += 1
                logs.create_log_stream(group, stream)

    def put_metric(self, region: str, datum: Datum) -> None:
        """Record a value of a CloudWatch metric."""
        with self.lock:
            backend = self.backend("cloudwatch", region)
            moto_state.add_metric(backend, datum)
            # Weeks of deliveries would fill the memory.
            del backend.metric_data[:-MOST_METRIC_DATA]


@lru_cache(maxsize=256)
def _role(documents: moto_state.RoleDocuments) -> Role:
    """A role, read-only; cached, because every click is checked against policies."""
    return Role(
        trust=json.loads(documents.trust),
        policies=tuple(json.loads(document) for document in documents.policies),
        boundary=None if documents.boundary is None else json.loads(documents.boundary),
        tags=dict(documents.tags),
    )
