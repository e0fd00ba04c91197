"""CloudFormation: how it makes, changes and deletes the types that a click pipeline consists of.

Stacks, change sets, parameters and functions are moto's. What moto itself would make of these types drops
most of their properties, or all of them; so they are made here, by the calls that CloudFormation makes, and
meet every check that any client meets.
"""

from __future__ import annotations

from mysfits_stream.localcloud.control_plane import moto_state
from mysfits_stream.localcloud.http.messages import Handler, Request, Response


class CloudFormation:
    """The override for CloudFormation; ``front`` answers the calls that making a stack takes."""

    def __init__(self, front: Handler) -> None:
        self._front = front

    def __call__(self, request: Request, ask_moto: Handler) -> Response:
        """Answer one request to CloudFormation."""
        # Late, as this loads most of moto. Importing a type makes moto know it, and of two for one name it
        # takes the later one: so its own come first.
        moto_state.load_cloudformation()

        from mysfits_stream.localcloud.control_plane.cloudformation import (  # noqa: F401
            calls,
            rest_apis,
            storage,
            work,
        )

        calls.serve(self._front)
        return ask_moto(request)
