"""IAM roles, where moto differs: what a new role is checked for, and how a missing one is called."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection
from typing import Any
from urllib.parse import parse_qs
from xml.sax.saxutils import escape

from mysfits_stream.localcloud.http.messages import Handler, Request, Response

NAME = re.compile(r"[\w+=,.@-]{1,64}")
MOTOS_NOT_FOUND = re.compile(rb"<Message>Role (.+?) not found</Message>")
TRUST_POLICY_QUOTA = 2048  # characters, white space not counted (F48)


class Roles:
    """The override for IAM; ``names`` are those of the roles in a region's partition."""

    def __init__(self, names: Callable[[str], Collection[str]]) -> None:
        self._names = names

    def __call__(self, request: Request, moto: Handler) -> Response:
        """Answer one request to IAM."""
        form = {name: values[0] for name, values in parse_qs(request.body.decode()).items()}
        refused = None
        if request.operation == "CreateRole":
            refused = self._name_refused(request.region, form) or _trust_refused(
                form, "AssumeRolePolicyDocument"
            )
        elif request.operation == "UpdateAssumeRolePolicy":
            refused = _trust_refused(form, "PolicyDocument")
        if refused:
            return refused
        response = moto(request)
        body = MOTOS_NOT_FOUND.sub(
            rb"<Message>The role with name \1 cannot be found.</Message>", response.body
        )
        return Response(response.status, response.headers, body)

    def _name_refused(self, region: str, form: dict[str, str]) -> Response | None:
        name = form.get("RoleName", "")
        if not NAME.fullmatch(name):
            rule = "Member must have length less than or equal to 64"
            if len(name) <= 64:
                rule = "Member must satisfy regular expression pattern: [\\w+=,.@-]+"
            failed = f"Value '{name}' at 'roleName' failed to satisfy constraint"
            message = f"1 validation error detected: {failed}: {rule}"
            return _error(400, "ValidationError", message)
        # A name is taken in any spelling (section 2.2).
        if name.lower() in {taken.lower() for taken in self._names(region)}:
            return _error(409, "EntityAlreadyExists", f"Role with name {name} already exists.")
        return None


def _trust_refused(form: dict[str, str], member: str) -> Response | None:
    source = form.get(member, "")
    try:
        statements = json.loads(source)["Statement"]
        problem = next(
            filter(None, map(_problem, statements if isinstance(statements, list) else [statements])), None
        )
    except (ValueError, KeyError, TypeError):
        problem = "This policy contains invalid Json"
    if problem:
        return _error(400, "MalformedPolicyDocument", problem)
    if len(re.sub(r"\s", "", source)) > TRUST_POLICY_QUOTA:
        message = f"Cannot exceed quota for ACLSizePerRole: {TRUST_POLICY_QUOTA}"
        return _error(409, "LimitExceeded", message)
    return None


def _problem(statement: dict[str, Any]) -> str | None:
    if statement.get("Effect") not in ("Allow", "Deny"):
        return "Missing required field Effect"
    if not {"Principal", "NotPrincipal"} & statement.keys():
        return "Missing required field Principal"
    if not {"Action", "NotAction"} & statement.keys():
        return "Missing required field Action"
    return "Has prohibited field Resource" if "Resource" in statement else None


def _error(status: int, code: str, message: str) -> Response:
    document = (
        '<ErrorResponse xmlns="https://iam.amazonaws.com/doc/2010-05-08/"><Error><Type>Sender</Type>'
        f"<Code>{code}</Code><Message>{escape(message)}</Message></Error></ErrorResponse>"
    )
    return Response(status, {"Content-Type": "text/xml"}, document.encode())
