"""``operator-policy``: the IAM policy for users of the tool."""

from __future__ import annotations

from collections.abc import Collection

from mysfits_stream.errors import MysfitsStreamError
from mysfits_stream.operations.project import Project
from mysfits_stream.provision import operator_policy as provision
from mysfits_stream.provision.policies import Document


def operator_policy(project: Project, purposes: Collection[str] = ()) -> Document | list[Document]:
    """The identity policy for every command on the stack.

    A list if a single document is too large. ``purposes`` are commands that need permissions of their own,
    such as ``erase``. Raises MysfitsStreamError for other commands.
    """
    if unknown := sorted(set(purposes) - set(provision.PURPOSES)):
        raise MysfitsStreamError(
            f"--for {unknown[0]}: unknown; commands with permissions of their own: "
            f"{', '.join(sorted(provision.PURPOSES))}"
        )
    documents = provision.operator_policies(project.config, project.target.account, purposes)
    return documents[0] if len(documents) == 1 else documents
