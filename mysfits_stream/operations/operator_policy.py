"""``operator-policy``: the IAM policy that the user of this tool needs."""

from __future__ import annotations

from mysfits_stream.operations.project import Project
from mysfits_stream.provision import operator_policy as provision
from mysfits_stream.provision.policies import Document


def operator_policy(project: Project) -> Document:
    """The identity policy for every command on this stack, in this account and region."""
    return provision.operator_policy(project.names, project.target.account, project.config.code_repository)
