"""``operator-policy``: the IAM policy for users of the tool."""

from __future__ import annotations

from mysfits_stream.operations.project import Project
from mysfits_stream.provision import operator_policy as provision
from mysfits_stream.provision.policies import Document


def operator_policy(project: Project) -> Document | list[Document]:
    """The identity policy for every command on the stack.

    A list if a single document is too large.
    """
    documents = provision.operator_policies(project.config, project.target.account)
    return documents[0] if len(documents) == 1 else documents
