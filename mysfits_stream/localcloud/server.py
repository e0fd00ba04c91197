"""One local cloud: its parts, and the routes (:meth:`LocalCloud._route_table`).

``front.py`` matches every request with one route and checks the caller. The behavior (``aws_behavior``) runs
around the route's answer and may reject, delay or cut off a call of an AWS client. ``scheduler.py`` runs due
deliveries in the background.
"""

from __future__ import annotations

import logging
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from mysfits_stream.localcloud import admin
from mysfits_stream.localcloud.aws_behavior import (
    AwsBehavior,
    Behavior,
    Cut,
    Faults,
    InstantBehavior,
    identify,
)
from mysfits_stream.localcloud.awslambda import operations as lambda_operations
from mysfits_stream.localcloud.clock import steady_clock
from mysfits_stream.localcloud.control_plane.control_plane import ControlPlane
from mysfits_stream.localcloud.control_plane.moto_state import Datum
from mysfits_stream.localcloud.door import Door, allowed_callers
from mysfits_stream.localcloud.execute_api import operations as api_operations
from mysfits_stream.localcloud.execute_api.aws_service_calls import Integrations
from mysfits_stream.localcloud.execute_api.deployed import DeployedApi
from mysfits_stream.localcloud.execute_api.handler import CallService
from mysfits_stream.localcloud.files import KeepingError
from mysfits_stream.localcloud.firehose import operations as firehose_operations
from mysfits_stream.localcloud.firehose.delivery import Firehose
from mysfits_stream.localcloud.front import Front
from mysfits_stream.localcloud.http.calls import Call
from mysfits_stream.localcloud.http.host_guard import AllowedCallers
from mysfits_stream.localcloud.http.messages import LONGEST_FORM, Request, Response, json_response
from mysfits_stream.localcloud.http.routes import (
    MEGABYTE,
    Route,
    RoutedRequest,
    RouteTable,
    is_posted_form,
    is_unsigned_read,
)
from mysfits_stream.localcloud.keeping import Keeping
from mysfits_stream.localcloud.request_metrics import RequestMetrics
from mysfits_stream.localcloud.scheduler import Background
from mysfits_stream.localcloud.services import CloudServices
from mysfits_stream.localcloud.settings import Settings

log = logging.getLogger(__name__)


class LocalCloud:
    """An AWS account on 127.0.0.1; one in a process, because moto keeps state in the process.

        with LocalCloud(Settings(time_scale=600)) as cloud:
            s3 = boto3.client("s3", endpoint_url=cloud.endpoint, ...)

    ``routes`` adds routes: a function of the local cloud, called once. ``behavior`` replaces the behavior of
    the settings. ``keep`` is a directory: resources and objects are read from the directory at first, and
    written by :meth:`save` and :meth:`stop`. ``now`` is the clock of names and records, in seconds since the
    epoch; ``steady`` is the clock for waiting: a monotonic clock, or ``now`` if only ``now`` is given.
    Without ``background`` nothing is delivered until :meth:`deliver_due` is called.
    """

    def __init__(
        self,
        settings: Settings | None = None,
        *,
        routes: Callable[[LocalCloud], tuple[Route, ...]] = lambda cloud: (),
        behavior: Callable[[ControlPlane], Behavior] | None = None,
        now: Callable[[], float] = time.time,
        steady: Callable[[], float] | None = None,
        background: bool = True,
        keep: Path | None = None,
        on_stop: Callable[[], None] | None = None,
        sleep: Callable[[float], None] = time.sleep,
        door: Door[LocalCloud] | None = None,
    ) -> None:
        self.settings = settings or Settings()
        self._door = door or Door(self.settings, lambda door: self)
        self.access_key_id = self._door.access_key_id
        """The access key id of AWS clients, with ``access: private``; any secret key will do."""
        self._now = now
        self._steady = steady or (steady_clock() if now is time.time else now)
        self.control_plane = ControlPlane(
            now,
            lambda transition, arn: self._behavior.settling(transition, arn),
            steady=self._steady,
        )
        self.faults = Faults(
            lambda seconds: sleep(seconds / self.settings.time_scale),
            lambda call, reason: self.control_plane.delivery_streams.fail(call.region, call.resource, reason),
        )
        self._given_behavior = behavior
        self._behavior: Behavior = self._new_behavior()
        self._scratch = tempfile.TemporaryDirectory(prefix="mysfits-stream-", ignore_cleanup_errors=True)
        self._on_stop = on_stop
        self._background = Background(self._steady) if background else None
        self.request_metrics = RequestMetrics()
        self.services = CloudServices(
            self.control_plane,
            now=now,
            steady=self._steady,
            time_scale=self.settings.time_scale,
            directory=Path(self._scratch.name),
            role=lambda arn: self._behavior.role(arn),
            client_environment=self._client_environment,
            metrics=self.request_metrics,
        )
        self._integrations: dict[str, CallService] = {}
        self.control_plane.calls_in = self._calls_in
        self.control_plane.publish_metrics = self.publish_metrics
        self.control_plane.run_later = self._submit
        self.firehose = Firehose(self.services, submit=self._submit, wake=self._wake)
        self._keeping = Keeping(keep, self.control_plane, self.firehose) if keep else None
        if self._keeping:
            try:
                self._keeping.load()
            except KeepingError:
                self._scratch.cleanup()
                raise
        self._administration = admin.Administration(
            health=self._health,
            settings=lambda: self.settings,
            change=self._change,
            faults=self.faults,
            reset=self.reset,
            stop=on_stop and self._request_stop,
        )
        self._callers = self.settings, allowed_callers(self.settings, self.access_key_id)
        self.routes = RouteTable(self._route_table(routes(self)))
        self.front = Front(self.routes, self._allowed, self._handle_routed)

    def _route_table(self, added: tuple[Route, ...]) -> tuple[Route, ...]:
        """All routes; the first match answers. A route is closed, unless the table opens the route."""
        return (
            # A REST API that was deployed, with CORS as the API defines.
            Route(
                "deployed API",
                api_operations.INVOKE_PATH,
                self._invoke_api,
                open_to_other_origins=True,
                needs_access_key=False,
                max_body=api_operations.MAX_BODY,
                rejects_large_bodies=True,
            ),
            *added,
            Route(
                "health", admin.HEALTH_PATH, self._administration, methods=("GET",), needs_access_key=False
            ),
            Route("administration", admin.PATH, self._administration, max_body=MEGABYTE),
            # moto's switches would change state behind the overrides' backs; moto ignores leading slashes.
            Route(
                "moto's switches",
                r"/+(moto-api|favicon\.ico|latest/(meta-data|api)/).*",
                _not_found,
                needs_access_key=False,
                max_body=MEGABYTE,
            ),
            # Data planes, distinguished by operation and path.
            Route(
                "records of a delivery stream",
                r".*",
                lambda request: firehose_operations.put(self.firehose, request),
                matches=firehose_operations.is_put,
                methods=("POST",),
                max_body=firehose_operations.MAX_BODY,
            ),
            Route(
                "invocations of a function",
                lambda_operations.INVOCATION_PATH,
                lambda request, function: lambda_operations.invoke(
                    self.services, request, function, self._submit
                ),
                methods=("POST",),
                max_body=lambda_operations.MAX_PAYLOAD,
                rejects_large_bodies=True,
            ),
            # A bucket policy may make objects public: S3 evaluates the policy.
            Route(
                "reads without a signature",
                r".*",
                self.control_plane.handle,
                matches=is_unsigned_read,
                needs_access_key=False,
                max_body=0,
            ),
            Route(
                "calls of the query protocol",
                r".*",
                self.control_plane.handle,
                matches=is_posted_form,
                max_body=LONGEST_FORM,
            ),
            # The stored resources: protocols of AWS, distinguished by the signature as at AWS's endpoints.
            Route("control plane", r".*", self.control_plane.handle),
        )

    # Running

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Listen on 127.0.0.1 and serve in threads; OSError if the port is taken."""
        self._door.load()
        self._door.start(self.settings.port)

    def begin(self) -> None:
        """Begin the background work; called by the door."""
        if self._background:
            self._background.start(self._do_due)

    def stop(self) -> None:
        """Stop serving; returns once every thread and every function's process has ended."""
        self._door.stop()
        if self._background:
            self._background.stop()
        try:
            # Before the functions are killed: their batches are in the save as if not begun.
            self.save()
        finally:
            self.services.close()
            if self._background:
                self._background.join()
            self._scratch.cleanup()
            if self._keeping:
                self._keeping.close()

    def save(self) -> None:
        """Write the changes since the last call to the ``keep`` directory, if there is a directory.

        Raises KeepingError; until the next successful call, health has the reason.
        """
        if self._keeping:
            self._keeping.save()

    def save_if_due(self) -> None:
        """As :meth:`save`, but skip after a slow save: saves take a twentieth of the time."""
        if self._keeping:
            self._keeping.save_if_due()

    @property
    def port(self) -> int:
        """The port of the listener."""
        return self._door.port

    @property
    def endpoint(self) -> str:
        """The base URL, for AWS clients and for browsers."""
        return self._door.endpoint

    def _client_environment(self) -> dict[str, str]:
        """The variables that lead a function's AWS clients here while the local cloud listens."""
        if not self._door.is_listening:
            return {}
        return {"AWS_ENDPOINT_URL": self.endpoint, "AWS_ACCESS_KEY_ID": self.access_key_id}

    def deliver_due(self) -> None:
        """Deliver due buffers, and store the metrics of the deliveries in CloudWatch."""
        self.firehose.advance()
        self.publish_metrics()

    def publish_metrics(self) -> None:
        """Store the metrics of streams, APIs and functions since the last call in CloudWatch."""
        for counted in self.request_metrics.take():
            datum = Datum(
                counted.namespace,
                counted.name,
                counted.sum,
                counted.unit,
                dict(counted.dimensions),
                counted.at,
                counted.samples,
            )
            self.control_plane.put_metric(counted.region, datum)
        for metric in self.firehose.take_metrics():
            dimensions = {"DeliveryStreamName": metric.stream}
            datum = Datum("AWS/Firehose", metric.name, metric.value, metric.unit, dimensions, metric.at)
            self.control_plane.put_metric(metric.region, datum)

    def reset(self) -> None:
        """Delete all resources, buffers, processes and fault rules, as in a new account."""
        self.services.close()
        self.control_plane.reset()
        self.control_plane.changes += 1
        self.faults.clear()
        self._behavior = self._new_behavior()
        self.firehose.advance()
        self.firehose.take_metrics()
        self.request_metrics.take()

    def _do_due(self) -> float | None:
        self.deliver_due()
        self.services.reap()
        return self.firehose.due_at()

    def _submit(self, job: Callable[[], None]) -> None:
        if self._background:
            self._background.submit(job)
        else:
            job()

    def _wake(self) -> None:
        if self._background:
            self._background.wake()

    # Serving

    def _allowed(self) -> AllowedCallers:
        settings, (known, callers) = self.settings, self._callers
        if known is not settings:
            callers = allowed_callers(settings, self.access_key_id)
            self._callers = settings, callers
        return callers

    def handle(self, request: Request) -> Response:
        """Answer one request without a check of the caller.

        Raises Cut where the connection is to end.
        """
        return self._handle_routed(self.routes.find(request))

    def _handle_routed(self, routed: RoutedRequest) -> Response:
        behavior = self._behavior
        call = identify(routed.request) if behavior.identifies_calls or self.faults.rules else None
        if call is None:
            return routed.answer()
        response = self.faults.around(call, lambda: behavior.around(call, routed.answer))
        if response.status == 503 and firehose_operations.is_put(routed.request):
            self._count_throttled(call)
        return response

    def _count_throttled(self, call: Call) -> None:
        """Count the records of a put that Firehose throttles (F258)."""
        records = len(call.parameters.get("Records", [0]))
        dimensions = {"DeliveryStreamName": call.resource}
        datum = Datum("AWS/Firehose", "ThrottledRecords", records, "Count", dimensions, self._now())
        self.control_plane.put_metric(call.region, datum)

    def _handle_inside(self, request: Request) -> Response:
        """Answer a request of another part of the local cloud, without a connection."""
        try:
            return self.handle(request)
        except Cut:
            return Response(500)

    def _invoke_api(self, request: Request, api_id: str, stage: str, path: str) -> Response:
        return api_operations.invoke(
            request,
            api_id,
            stage,
            path,
            deployments=self._behavior,
            calls_in=self._calls_in,
            now=self._now(),
            steady=self._steady(),
            measure=self._measure_api,
        )

    def _measure_api(self, api: DeployedApi, status: int) -> None:
        self.request_metrics.api_request(api.region, api.name, api.stage.name, status, self._now())

    def _calls_in(self, region: str) -> CallService:
        if region not in self._integrations:
            self._integrations[region] = Integrations(self.services, self._handle_inside, region).call
        return self._integrations[region]

    def _new_behavior(self) -> Behavior:
        """The behavior of the settings, without the pending transitions of an earlier behavior."""
        settings = self.settings
        if self._given_behavior:
            return self._given_behavior(self.control_plane)
        if settings.behavior == "instant":
            return InstantBehavior(self.control_plane)
        return AwsBehavior(
            self.control_plane, now=self._steady, time_scale=settings.time_scale, seed=settings.seed
        )

    def _request_stop(self) -> str | None:
        """End soon; the reason if the changes cannot be saved."""
        try:
            self.save()
        except KeepingError as error:
            return f"{error}; the local cloud goes on. Make room or allow writing, then stop it again"
        if self._on_stop:
            self._on_stop()
        return None

    def _health(self) -> dict[str, Any]:
        return self._door.health(self.settings, self._keeping.error if self._keeping else None)

    def _change(self, settings: Settings) -> None:
        """Apply other settings while running."""
        before, self.settings = self.settings, settings
        if (before.behavior, before.seed, before.time_scale) != (
            settings.behavior,
            settings.seed,
            settings.time_scale,
        ):
            self._behavior = self._new_behavior()
        self.services.time_scale = settings.time_scale
        self._wake()


def _not_found(request: Request) -> Response:
    return json_response(404, {"message": "not part of the local cloud"})
