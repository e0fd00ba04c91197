"""The WSGI application of the local cloud: every request is matched with one route, and the route answers.

:meth:`LocalCloud._route_table` is the list of all routes. The behavior (``aws_behavior``) runs around the
route's answer and may reject, delay or cut off a call of an AWS client. ``http/listener.py`` serves the
application, ``scheduler.py`` runs due deliveries in the background.
"""

from __future__ import annotations

import logging
import os
import secrets
import tempfile
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote, unquote

from mysfits_stream.localcloud import admin
from mysfits_stream.localcloud.aws_behavior import (
    AwsBehavior,
    Behavior,
    Cut,
    Faults,
    InstantBehavior,
    identify,
)
from mysfits_stream.localcloud.aws_behavior.calls import Call
from mysfits_stream.localcloud.aws_behavior.refusals import refused
from mysfits_stream.localcloud.awslambda import operations as lambda_operations
from mysfits_stream.localcloud.control_plane.control_plane import ACCOUNT, ControlPlane
from mysfits_stream.localcloud.execute_api import handler
from mysfits_stream.localcloud.execute_api.aws_service_calls import Integrations
from mysfits_stream.localcloud.firehose import operations as firehose_operations
from mysfits_stream.localcloud.firehose.delivery import Firehose
from mysfits_stream.localcloud.http import host_guard
from mysfits_stream.localcloud.http.body import BodyError, BodyReader
from mysfits_stream.localcloud.http.host_guard import AllowedCallers, Denial
from mysfits_stream.localcloud.http.listener import Listener
from mysfits_stream.localcloud.http.messages import (
    Environ,
    Request,
    Response,
    StartResponse,
    json_response,
    read_head,
    send_response,
)
from mysfits_stream.localcloud.http.routes import MEGABYTE, Route, RoutedRequest, find_route
from mysfits_stream.localcloud.scheduler import Background
from mysfits_stream.localcloud.services import CloudServices
from mysfits_stream.localcloud.settings import Settings
from mysfits_stream.localcloud.version import VERSION

log = logging.getLogger(__name__)

INVOKE_PATH = r"/restapis/(?P<api_id>[^/]+)/(?P<stage>[^/]+)/_user_request_(?P<path>/.*|)"

CLOSE = {"Connection": "close"}


class LocalCloud:
    """An AWS account on 127.0.0.1; one in a process, because moto keeps state in the process.

        with LocalCloud(Settings(time_scale=600)) as cloud:
            s3 = boto3.client("s3", endpoint_url=cloud.endpoint, ...)

    ``routes`` adds routes: a function of the local cloud, called once. ``behavior`` replaces the behavior of
    the settings. ``keep`` is a directory: resources and objects are read from the directory at first, and
    written by :meth:`save` and :meth:`stop`. ``now`` is the clock, in seconds since the epoch. Without
    ``background`` nothing is delivered until :meth:`deliver_due` is called.
    """

    def __init__(
        self,
        settings: Settings | None = None,
        *,
        routes: Callable[[LocalCloud], tuple[Route, ...]] = lambda cloud: (),
        behavior: Callable[[ControlPlane], Behavior] | None = None,
        now: Callable[[], float] = time.time,
        background: bool = True,
        keep: Path | None = None,
        on_stop: Callable[[], None] | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.settings = settings or Settings()
        self.identity = secrets.token_hex(8)
        self.access_key_id = f"LKIA{secrets.token_hex(8).upper()}"
        """The access key id of AWS clients, with ``access: private``; any secret key will do."""
        self._now = now
        self.control_plane = ControlPlane(
            now, lambda transition, arn: self._behavior.settling(transition, arn)
        )
        self.faults = Faults(
            lambda seconds: sleep(seconds / self.settings.time_scale),
            lambda call, reason: self.control_plane.delivery_streams.fail(call.region, call.resource, reason),
        )
        self._given_behavior = behavior
        self._behavior = self._new_behavior()
        self._scratch = tempfile.TemporaryDirectory(prefix="mysfits-stream-", ignore_cleanup_errors=True)
        self._keep = keep
        if keep:
            self.control_plane.load(keep)
        self._saved = self.control_plane.changes
        self._started_at = self._last_request_at = time.monotonic()
        self._listener = Listener(self)
        self._background = Background(now) if background else None
        self.services = CloudServices(
            self.control_plane,
            now=now,
            time_scale=self.settings.time_scale,
            directory=Path(self._scratch.name),
            role=lambda arn: self._behavior.role(arn),
        )
        self.control_plane.calls_in = lambda region: (
            Integrations(self.services, self._handle_inside, region).call
        )
        self.firehose = Firehose(self.services, submit=self._submit, wake=self._wake)
        self._administration = admin.Administration(
            health=self._health,
            settings=lambda: self.settings,
            change=self._change,
            faults=self.faults,
            reset=self.reset,
            stop=on_stop,
        )
        self.routes = self._route_table(routes(self))

    def _route_table(self, added: tuple[Route, ...]) -> tuple[Route, ...]:
        """All routes; the first match answers. A route is closed, unless the table opens the route."""
        return (
            # A REST API that was deployed, with CORS as the API defines.
            Route(
                "deployed API",
                INVOKE_PATH,
                self._invoke_api,
                open_to_other_origins=True,
                needs_access_key=False,
                max_body=handler.PAYLOAD_LIMIT,
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
            # Data planes, told apart by operation and path.
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
                matches=_is_unsigned_read,
                needs_access_key=False,
                max_body=0,
            ),
            # The stored resources: protocols of AWS, told apart by the signature as at AWS's endpoints.
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
        self._listener.start(self.settings.port)
        if self._background:
            self._background.start(self._do_due)

    def stop(self) -> None:
        """Stop serving; returns once every thread and every function's process has ended."""
        self._listener.stop()
        if self._background:
            self._background.stop()
        self.services.close()
        if self._background:
            self._background.join()
        self._scratch.cleanup()
        self.save()

    def save(self) -> None:
        """Write the changes since the last call to the ``keep`` directory, if there is a directory."""
        changes = self.control_plane.changes
        if self._keep and changes != self._saved:
            self.control_plane.save(self._keep)
            self._saved = changes

    @property
    def port(self) -> int:
        """The port of the listener."""
        return self._listener.port

    @property
    def endpoint(self) -> str:
        """The base URL, for AWS clients and for browsers."""
        return f"http://127.0.0.1:{self.port}"

    def idle_seconds(self) -> float:
        """Seconds since the last request."""
        return time.monotonic() - self._last_request_at

    def deliver_due(self) -> None:
        """Deliver due buffers, and store the metrics of the deliveries in CloudWatch."""
        self.firehose.advance()
        for metric in self.firehose.take_metrics():
            self.control_plane.put_metric(
                metric.region,
                "AWS/Firehose",
                metric.name,
                metric.value,
                metric.unit,
                {"DeliveryStreamName": metric.stream},
                metric.at,
            )

    def reset(self) -> None:
        """Delete all resources, buffers, processes and fault rules, as in a new account."""
        self.services.close()
        self.control_plane.reset()
        self.faults.clear()
        self._behavior = self._new_behavior()
        self.firehose.advance()
        self.firehose.take_metrics()

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

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """The WSGI application."""
        self._last_request_at = time.monotonic()
        request, body = read_head(environ), BodyReader(environ)
        try:
            response = self._answer(find_route(self.routes, request), body)
        except Cut:
            # The listener closes the connection.
            raise
        except BodyError as error:
            response = json_response(400, {"message": str(error)}, CLOSE)
        except Exception:
            log.exception("%s %s", request.method, request.path)
            response = json_response(500, {"message": "internal error of the local cloud; see its log"})
        if not body.finished and not body.discard():
            response = replace(response, headers={**response.headers, **CLOSE})
        return send_response(response, request, start_response)

    def _answer(self, routed: RoutedRequest, reader: BodyReader) -> Response:
        """Check the caller before the body is read, and the length of the body while the body is read."""
        route = routed.route
        allowed = AllowedCallers(
            self.settings.allowed_origins,
            self.access_key_id if self.settings.access == "private" else None,
        )
        if denial := host_guard.denial(routed.request, route, allowed):
            return _denied(routed.request, denial)
        too_large = json_response(
            413, {"message": f"{route.name}: a body may have at most {route.max_body} bytes"}
        )
        if reader.announced > route.max_body and not route.rejects_large_bodies:
            return too_large
        body = reader.read(route.max_body)
        if not body.complete and not route.rejects_large_bodies:
            return too_large
        return self._handle_routed(routed.with_body(body.data))

    def handle(self, request: Request) -> Response:
        """Answer one request without a check of the caller; raises Cut where the connection is to end."""
        return self._handle_routed(find_route(self.routes, request))

    def _handle_routed(self, routed: RoutedRequest) -> Response:
        behavior = self._behavior
        call = identify(routed.request) if behavior.identifies_calls or self.faults.rules else None
        if call is None:
            return routed.answer()
        return self.faults.around(call, lambda: behavior.around(call, routed.answer))

    def _handle_inside(self, request: Request) -> Response:
        """Answer a request of another part of the local cloud, without a connection."""
        try:
            return self.handle(request)
        except Cut:
            return Response(500)

    def _invoke_api(self, request: Request, api_id: str, stage: str, path: str) -> Response:
        behavior = self._behavior
        deployed = behavior.deployed(api_id, stage)
        if deployed is None and behavior.is_late(api_id, stage):
            return json_response(
                403,
                {"message": "Missing Authentication Token"},
                {"x-amzn-ErrorType": "MissingAuthenticationTokenException"},
            )
        if deployed is None:
            return json_response(403, {"message": "Forbidden"}, {"x-amzn-ErrorType": "ForbiddenException"})
        integrations = Integrations(self.services, self._handle_inside, deployed.region)
        inner = replace(request, path=_encoded_tail(request, path) or "/")
        return handler.handle(deployed, inner, integrations.call, self._now())

    def _new_behavior(self) -> Behavior:
        """The behavior of the settings, without the pending transitions of an earlier behavior."""
        settings = self.settings
        if self._given_behavior:
            return self._given_behavior(self.control_plane)
        if settings.behavior == "instant":
            return InstantBehavior(self.control_plane)
        return AwsBehavior(
            self.control_plane, now=self._now, time_scale=settings.time_scale, seed=settings.seed
        )

    def _health(self) -> dict[str, Any]:
        return {
            "status": "ready",
            "identity": self.identity,
            "pid": os.getpid(),
            "version": VERSION,
            "account": ACCOUNT,
            "uptime": round(time.monotonic() - self._started_at, 3),
            "settings": asdict(self.settings),
        }

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


def _encoded_tail(request: Request, decoded: str) -> str:
    """The path below ``_user_request_``, percent-encoded as the client sent the path."""
    *prefix, tail = request.path.split("/", 5)
    if len(prefix) == 5 and unquote(prefix[4]) == "_user_request_":
        return f"/{tail}"
    return quote(decoded)


def _denied(request: Request, denial: Denial) -> Response:
    if denial.wrong_key and request.service:
        call = Call(request.service, request.operation, request.region)
        return refused(call, 403, "InvalidClientTokenId", denial.message)
    return json_response(403, {"message": denial.message})


def _is_unsigned_read(request: Request) -> bool:
    unsigned = "authorization" not in request.headers and "x-amz-target" not in request.headers
    return unsigned and request.method in ("GET", "HEAD") and "X-Amz-" not in request.query


def _not_found(request: Request) -> Response:
    return json_response(404, {"message": "not part of the local cloud"})
