"""CloudFormation: creates, updates and deletes the resource types of a click pipeline.

Stacks, change sets, parameters and functions are moto's. moto's own resource types drop most properties; so
the resources are created here through the API calls of CloudFormation, with the checks for any client.
"""

from __future__ import annotations

from mysfits_stream.localcloud.control_plane import moto_state
from mysfits_stream.localcloud.http.messages import Handler, Request, Response


class CloudFormation:
    """The override for CloudFormation.

    ``front`` handles the calls that create a stack's resources.
    """

    def __init__(self, front: Handler) -> None:
        self._front = front

    def __call__(self, request: Request, ask_moto: Handler) -> Response:
        """Handle a request to CloudFormation."""
        # Late, as this loads most of moto. Importing a type makes moto know it, and of two for one name it
        # takes the later one: so its own come first.
        moto_state.load_cloudformation()

        from mysfits_stream.localcloud.control_plane.cloudformation import (  # noqa: F401
            calls,
            catalog,
            monitoring,
            rest_apis,
            storage,
            work,
        )

        calls.serve(self._front)
        return ask_moto(request)
