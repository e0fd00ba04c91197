"""SNS, where moto differs: confirmation by email, and the tags of a topic."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs

from mysfits_stream.localcloud.control_plane import moto_state
from mysfits_stream.localcloud.http.calls import Call
from mysfits_stream.localcloud.http.messages import Handler, Request, Response
from mysfits_stream.localcloud.http.refusals import refused

SUBSCRIPTION = re.compile(rb"<SubscriptionArn>arn:[^<]*</SubscriptionArn>")
SUBSCRIBED = b"<SubscriptionArn>pending confirmation</SubscriptionArn>"
LISTED = b"<SubscriptionArn>PendingConfirmation</SubscriptionArn>"


class Topics:
    """The override for SNS; ``backend`` is moto's, of a region."""

    def __init__(self, backend: Callable[[str], Any]) -> None:
        self._backend = backend

    def __call__(self, request: Request, moto: Handler) -> Response:
        """Handle a request to SNS."""
        if request.operation == "CreateTopic" and self._has_other_tags(request):
            return refused(
                Call("sns", "CreateTopic", request.region),
                400,
                "InvalidParameter",
                "Invalid parameter: Tags Reason: Topic already exists with different tags",
            )
        response = moto(request)
        if request.operation == "Subscribe":
            return response.with_body(SUBSCRIPTION.sub(SUBSCRIBED, response.body))
        if request.operation == "ListSubscriptionsByTopic":
            return response.with_body(SUBSCRIPTION.sub(LISTED, response.body))
        return response

    def _has_other_tags(self, request: Request) -> bool:
        given = parse_qs(request.body.decode("latin-1"))
        stored = moto_state.topic_tags(self._backend(request.region), given.get("Name", [""])[0])
        keys = {
            key: values[0] for key, values in given.items() if re.fullmatch(r"Tags\.member\.\d+\.Key", key)
        }
        asked = {value: given.get(f"{key[:-3]}Value", [""])[0] for key, value in keys.items()}
        return stored is not None and bool(asked) and asked != stored
