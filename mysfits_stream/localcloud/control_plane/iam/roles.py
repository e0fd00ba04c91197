"""IAM roles and policies, where moto differs: checks before storage, and AWS's messages."""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import parse_qs
from xml.sax.saxutils import escape

from mysfits_stream.localcloud.control_plane import moto_state
from mysfits_stream.localcloud.control_plane.constraints import scalar_violation
from mysfits_stream.localcloud.control_plane.iam import documents
from mysfits_stream.localcloud.control_plane.iam.documents import NotSimulatedError, Refusal
from mysfits_stream.localcloud.http.calls import Call
from mysfits_stream.localcloud.http.messages import Handler, Request, Response
from mysfits_stream.localcloud.simulated import not_simulated

MOTOS_NOT_FOUND = re.compile(rb"<Message>Role (.+?) not found</Message>")


class Roles:
    """The override for an account's IAM."""

    def __init__(self, account: str) -> None:
        self._account = account

    def __call__(self, request: Request, moto: Handler) -> Response:
        """Handle a request to IAM."""
        form = {name: values[0] for name, values in parse_qs(request.body.decode("utf-8", "replace")).items()}
        try:
            self._check(request, form)
        except Refusal as refusal:
            return _error(refusal)
        except NotSimulatedError as error:
            return not_simulated(Call("iam", request.operation, request.region), str(error))
        response = moto(request)
        body = MOTOS_NOT_FOUND.sub(
            rb"<Message>The role with name \1 cannot be found.</Message>", response.body
        )
        return Response(response.status, response.headers, body)

    def _check(self, request: Request, form: Mapping[str, str]) -> None:
        """Raises Refusal and NotSimulatedError."""
        operation, backend = request.operation, moto_state.backend("iam", self._account, request.region)
        if message := scalar_violation("iam", operation, form):
            raise Refusal("ValidationError", message)
        partition = moto_state.partition(request.region)
        if "PolicyArn" in form:
            documents.check_policy_arn(form["PolicyArn"])
        if operation == "CreateRole":
            name = form.get("RoleName", "")
            # A name is taken in any spelling (section 2.2).
            if name.lower() in {role.name.lower() for role in backend.roles.values()}:
                raise Refusal("EntityAlreadyExists", f"Role with name {name} already exists.", 409)
        if operation in ("CreateRole", "UpdateAssumeRolePolicy"):
            trust = form.get("AssumeRolePolicyDocument", form.get("PolicyDocument", ""))
            roles = {role.arn for role in backend.roles.values()}
            documents.check_trust_policy(trust, roles.__contains__, self._account)
        elif operation == "PutRolePolicy":
            role = next((each for each in backend.roles.values() if each.name == form.get("RoleName")), None)
            others = [
                text
                for name, text in (role.policies.items() if role else ())
                if name != form.get("PolicyName")
            ]
            documents.check_inline_policy(
                form.get("RoleName", ""), form.get("PolicyDocument", ""), others, partition
            )
        elif operation in ("CreatePolicy", "CreatePolicyVersion"):
            documents.check_managed_policy(form.get("PolicyDocument", ""), partition)
        if (boundary := form.get("PermissionsBoundary")) and boundary not in backend.managed_policies:
            raise Refusal("NoSuchEntity", f"Scope ARN: {boundary} does not exist or is not attachable.", 404)


def _error(refusal: Refusal) -> Response:
    document = (
        '<ErrorResponse xmlns="https://iam.amazonaws.com/doc/2010-05-08/"><Error><Type>Sender</Type>'
        f"<Code>{refusal.code}</Code><Message>{escape(refusal.message)}</Message></Error></ErrorResponse>"
    )
    return Response(refusal.status, {"Content-Type": "text/xml"}, document.encode())
