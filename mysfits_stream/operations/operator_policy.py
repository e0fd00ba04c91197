"""``operator-policy``: the IAM policy that the user of this tool needs."""

from __future__ import annotations

from mysfits_stream.operations.project import Project
from mysfits_stream.provision import operator_policy as provision
from mysfits_stream.provision.policies import Document


def operator_policy(project: Project) -> Document | list[Document]:
    """The identity policy for every command on this stack; a list of documents if one is too large."""
    documents = provision.operator_policies(project.config, project.target.account)
    return documents[0] if len(documents) == 1 else documents
