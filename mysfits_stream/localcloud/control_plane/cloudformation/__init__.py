"""CloudFormation: creates, updates and deletes the resource types of a click pipeline.

Stacks, change sets, parameters and functions are moto's. moto's own resource types drop most properties; so
the resources are created here through the API calls of CloudFormation, with the checks for any client.
"""

from __future__ import annotations

from mysfits_stream.localcloud import simulated
from mysfits_stream.localcloud.control_plane import moto_state
from mysfits_stream.localcloud.control_plane.cloudformation.simulated_types import ignored
from mysfits_stream.localcloud.http.calls import Call
from mysfits_stream.localcloud.http.messages import Handler, Request, Response
from mysfits_stream.localcloud.http.refusals import refused

OF_TEMPLATES = ("CreateStack", "UpdateStack", "CreateChangeSet")


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
        call = Call("cloudformation", request.operation, request.region)
        if request.operation in OF_TEMPLATES and (what := ignored(request, moto_state.has_resource_type)):
            return simulated.not_simulated(call, what)
        response = ask_moto(request)
        if response.status >= 400 and not response.body.lstrip().startswith((b"<", b"{")):
            # A call for a resource failed, and moto sends the message of the exception alone.
            text = response.body.decode("utf-8", "replace")
            return refused(call, 400, "ValidationError", f"a resource of the stack cannot be made: {text}")
        return response
