"""The front of the local cloud: one WSGI application that every request comes to.

What a request is for decides who answers it:

    /restapis/{id}/{stage}/_user_request_/…      apigateway.py, the data plane of deployed REST APIs
    X-Amz-Target Firehose_…PutRecord[Batch]      data_plane.py and firehose.py, delivery streams at work
    /2015-03-31/functions/{name}/invocations     data_plane.py and lambda_runtime.py, functions at work
    /_mysfits/…                                  mysfits.py, the stand-in Mysfits service
    /_site/…                                     site.py, the web page that clicks
    /_local/…                                    administration.py: health, settings, faults
    everything else                              control_plane, what AWS would store

moods/ stands before all of them and may refuse, delay or cut off a call of an AWS client.

Only this file knows all of them; they know each other as functions. listener.py serves it, background.py
delivers without being asked.
"""

from __future__ import annotations

import logging
import os
import re
import secrets
import tempfile
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from mysfits_stream import __version__
from mysfits_stream.config import LocalConfig
from mysfits_stream.local_site import feed, mysfits
from mysfits_stream.local_site.page import Site
from mysfits_stream.localcloud import data_plane
from mysfits_stream.localcloud.admin import Administration
from mysfits_stream.localcloud.aws_behavior import AwsBehavior, Cut, Faults, identify
from mysfits_stream.localcloud.control_plane.control_plane import ACCOUNT, ControlPlane, Role
from mysfits_stream.localcloud.execute_api import handler
from mysfits_stream.localcloud.execute_api.aws_service_calls import Integrations
from mysfits_stream.localcloud.firehose.delivery import Firehose
from mysfits_stream.localcloud.http import host_guard
from mysfits_stream.localcloud.http.listener import Listener
from mysfits_stream.localcloud.http.messages import (
    Environ,
    Request,
    Response,
    StartResponse,
    json_response,
    read_request,
    send_response,
)
from mysfits_stream.localcloud.scheduler import Background
from mysfits_stream.localcloud.services import CloudServices

log = logging.getLogger(__name__)

INVOKE_PATH = re.compile(r"/restapis/(?P<api>[^/]+)/(?P<stage>[^/]+)/_user_request_(?P<path>/.*|)")


class LocalCloud:
    """One local cloud; there can be one in a process, because moto keeps its state in the process.

    ``now`` is the clock, in seconds since the epoch. With ``background`` off nothing happens by itself:
    deliveries are made by :meth:`deliver_due`, in the caller's thread, when the clock says so. ``keep`` is a
    directory that resources and objects are read from at first, and saved to by :meth:`save` and
    :meth:`stop`.
    """

    def __init__(
        self,
        config: LocalConfig | None = None,
        *,
        now: Callable[[], float] = time.time,
        background: bool = True,
        keep: Path | None = None,
        on_stop: Callable[[], None] | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.config = config or LocalConfig()
        self.identity = secrets.token_hex(8)
        self._now = now
        self.control_plane = ControlPlane(now, self._settling)
        self.faults = Faults(
            lambda seconds: sleep(seconds / self.config.time_scale),
            lambda call, reason: self.control_plane.delivery_streams.fail(call.region, call.resource, reason),
        )
        self._moods = self._new_moods()
        self._scratch = tempfile.TemporaryDirectory(prefix="mysfits-stream-", ignore_cleanup_errors=True)
        self._keep = keep
        if keep:
            self.control_plane.load(keep)
        self._saved = self.control_plane.changes
        self._started_at = self._asked_at = time.monotonic()
        self._listener = Listener(self)
        self._background = Background(now) if background else None
        self.world = CloudServices(
            self.control_plane,
            now=now,
            time_scale=self.config.time_scale,
            directory=Path(self._scratch.name),
            role=self._role_in_force,
        )
        self.control_plane.calls_in = lambda region: (
            Integrations(self.world, self._handle_inside, region).call
        )
        self.firehose = Firehose(self.world, submit=self._submit, wake=self._wake)
        self._site = Site(
            lambda: feed.endpoints(self.control_plane, self.endpoint),
            lambda: feed.landed(self.control_plane),
        )
        self._administration = Administration(
            health=self._health,
            settings=lambda: self.config,
            change=self._change,
            faults=self.faults,
            reset=self.reset,
            stop=on_stop,
        )

    # Running

    def start(self) -> None:
        """Listen on 127.0.0.1 and serve in threads; OSError if the port is taken."""
        self._listener.start(self.config.port)
        if self._background:
            self._background.start(self._do_due)

    def stop(self) -> None:
        """Stop serving; returns once every thread and every function's process has ended."""
        self._listener.stop()
        if self._background:
            self._background.stop()
        self.world.close()
        if self._background:
            self._background.join()
        self._scratch.cleanup()
        self.save()

    def save(self) -> None:
        """Keep what has changed since the last time, if there is a directory to keep it in."""
        changes = self.control_plane.changes
        if self._keep and changes != self._saved:
            self.control_plane.save(self._keep)
            self._saved = changes

    @property
    def port(self) -> int:
        """The port that is listened on."""
        return self._listener.port

    @property
    def endpoint(self) -> str:
        """The base URL, for AWS clients as for browsers."""
        return f"http://127.0.0.1:{self.port}"

    def idle_seconds(self) -> float:
        """Since the last request."""
        return time.monotonic() - self._asked_at

    def deliver_due(self) -> None:
        """Deliver what is due by the clock, and hand the metrics of it to CloudWatch."""
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
        """Forget everything, as a new account; what was buffered goes with its streams, processes end."""
        self.world.close()
        self.control_plane.reset()
        self.faults.clear()
        self._moods = self._new_moods()
        self.firehose.advance()
        self.firehose.take_metrics()

    def _do_due(self) -> float | None:
        self.deliver_due()
        self.world.reap()
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
        self._asked_at = time.monotonic()
        request = read_request(environ)
        try:
            response = host_guard.refusal(request) or self.handle(request)
        except Cut:
            # The server closes the connection, as of a peer that went away.
            raise
        except Exception:
            log.exception("%s %s", request.method, request.path)
            response = json_response(500, {"message": "the local cloud failed; its log tells more"})
        return send_response(response, request, start_response)

    def handle(self, request: Request) -> Response:
        """Answer one request, in the mood of the moment; raises Cut where the connection is to end."""
        moods = self._moods
        call = identify(request) if moods or self.faults.rules else None
        if call is None:
            return self._answer(request)

        def answer() -> Response:
            return moods.around(call, lambda: self._answer(request)) if moods else self._answer(request)

        return self.faults.around(call, answer)

    def _handle_inside(self, request: Request) -> Response:
        """Answer a request of another part of the local cloud, which no connection carries."""
        try:
            return self.handle(request)
        except Cut:
            return Response(500)

    def _answer(self, request: Request) -> Response:
        if request.path.startswith("/restapis/") and (invoked := INVOKE_PATH.fullmatch(request.path)):
            return self._invoke_api(request, invoked["api"], invoked["stage"], invoked["path"] or "/")
        if data_plane.is_put(request):
            return data_plane.put(self.firehose, request)
        if request.path.startswith("/2015-03-31/functions/") and data_plane.INVOCATION.fullmatch(
            request.path
        ):
            return data_plane.invoke(self.world, request, self._submit)
        if request.path.startswith("/_mysfits/"):
            return mysfits.handle(request, request.path.removeprefix("/_mysfits"))
        if request.path.startswith("/_site/") or request.path == "/_site":
            return self._site(request)
        if request.path.startswith("/_local/"):
            return self._administration(request)
        return self.control_plane.handle(request)

    def _invoke_api(self, request: Request, api_id: str, stage: str, path: str) -> Response:
        moods = self._moods
        deployed = (moods or self.control_plane.rest_apis).deployed(api_id, stage)
        if deployed is None and moods and moods.is_late(api_id, stage):
            return json_response(
                403,
                {"message": "Missing Authentication Token"},
                {"x-amzn-ErrorType": "MissingAuthenticationTokenException"},
            )
        if deployed is None:
            return json_response(403, {"message": "Forbidden"}, {"x-amzn-ErrorType": "ForbiddenException"})
        integrations = Integrations(self.world, self._handle_inside, deployed.region)
        return handler.handle(deployed, replace(request, path=path), integrations.call, self._now())

    def _new_moods(self) -> AwsBehavior | None:
        """What is on by configuration; what was under way in earlier moods is over."""
        config = self.config
        if config.moods == "none":
            return None
        return AwsBehavior(self.control_plane, now=self._now, time_scale=config.time_scale, seed=config.seed)

    def _settling(self, transition: str, arn: str) -> float:
        return self._moods.settling(transition, arn) if self._moods else 0.0

    def _role_in_force(self, arn: str) -> Role | None:
        return (self._moods or self.control_plane).role(arn)

    def _health(self) -> dict[str, Any]:
        return {
            "status": "ready",
            "identity": self.identity,
            "pid": os.getpid(),
            "version": __version__,
            "account": ACCOUNT,
            "uptime": round(time.monotonic() - self._started_at, 3),
            "settings": asdict(self.config),
        }

    def _change(self, config: LocalConfig) -> None:
        """Put other settings into force."""
        before, self.config = self.config, config
        if (before.moods, before.seed, before.time_scale) != (config.moods, config.seed, config.time_scale):
            self._moods = self._new_moods()
        self.world.time_scale = config.time_scale
        self._wake()
