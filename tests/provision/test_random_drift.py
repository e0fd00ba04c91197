"""Any drift by the API is seen by status, shown by plan, and healed or explained.

The drifts are the contract's; here several happen at once, in a deployed stack, in any order.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from mysfits_stream.aws.account import Clients
from mysfits_stream.errors import ProvisionError
from mysfits_stream.provision import policies
from mysfits_stream.provision.engine import Action, Goal, converge, dependencies, survey
from mysfits_stream.provision.resource import Resource
from mysfits_stream.provision.state import State
from tests.provision.resources.drifts import ACCOUNT, DRIFTS, STACK, redirect
from tests.provision.resources.test_contract import TRUSTED, build, clients

__all__ = ["build", "clients"]

Drift = tuple[str, str, Callable[[Clients], Any]]


def back_up(c: Clients) -> None:
    redirect(
        c,
        S3BackupMode="Enabled",
        S3BackupUpdate={
            "RoleARN": ACCOUNT.role_arn("somebody-elses"),
            "BucketARN": f"arn:aws:s3:::{STACK}-{ACCOUNT.id}-{ACCOUNT.region}",
        },
    )


EXPLAINED: Drift = ("delivery-stream", "S3BackupMode", back_up)
# Drifts that undo, or hide, another drift of the same resource; the contract tries each by itself.
ALONE = {
    "Architectures",
    "OtherProcessors",
    "Stage",
    "Deployment",
    "OtherStages",
    "Duplicates",
    "EndpointConfiguration",
    "DeliveryStreamEncryption",
}


def _what(drift: Drift) -> tuple[str, ...]:
    """What a drift changes; an alias names one version, whatever differs in it."""
    return (drift[0],) if drift[0] == "processor-live" else (drift[0], drift[1])


@pytest.mark.slow
@settings(
    max_examples=12,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
)
@given(data=st.data())
def test_any_drift_is_seen_shown_and_healed_or_explained(
    data: st.DataObject,
    build: Callable[..., dict[str, Resource]],
    clients: Clients,
    local_cloud: Any,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    local_cloud.cloud.reset()
    resources = list(build().values())
    path: Path = tmp_path_factory.mktemp("drift") / "state.json"
    state = State(path, stack=STACK, account=ACCOUNT.id, region=ACCOUNT.region)
    converge(resources, state, goal=Goal.PRESENT)
    everybody = {
        "Version": "2012-10-17",
        "Statement": [
            statement
            for service in ("lambda.amazonaws.com", *TRUSTED.values())
            for statement in policies.trusting(service)["Statement"]
        ],
    }
    clients.iam.create_role(RoleName="somebody-elses", AssumeRolePolicyDocument=json.dumps(everybody))

    together = [drift for drift in (*DRIFTS, EXPLAINED) if drift[1] not in ALONE]
    drawn = data.draw(
        st.lists(st.sampled_from(together), min_size=1, max_size=6, unique_by=_what),
        label="drifts",
    )
    happened: list[Drift] = []
    for drift in drawn:
        # What an earlier drift removed cannot be changed any more.
        with suppress(ClientError):
            drift[2](clients)
            happened.append(drift)

    seen = {change.resource.name: change for change in survey(resources, Goal.PRESENT, STACK)}
    for name, key, _ in happened:
        assert seen[name].status == "drifted", (name, key)
        assert key in seen[name].diff, (name, key)
    planned = converge(resources, state, goal=Goal.PRESENT, dry_run=True)
    assert {change.resource.name for change in planned if change.action is Action.UPDATE} == {
        name for name, _, _ in happened
    }

    if EXPLAINED in happened:
        with pytest.raises(ProvisionError, match="delete the stream"):
            converge(resources, state, goal=Goal.PRESENT)
    else:
        converge(resources, state, goal=Goal.PRESENT)
    left = {
        (change.resource.name, key)
        for change in survey(resources, Goal.PRESENT, STACK)
        for key in change.diff
    }
    if EXPLAINED in happened:
        # The resources that need the stream are left as they were, for the next `up`.
        waiting = {resource.name for resource in resources if needs(resource, EXPLAINED[0])}
        assert EXPLAINED[:2] in left
        assert left - {EXPLAINED[:2]} <= {(name, key) for name, key, _ in happened if name in waiting}
    else:
        assert left == set()


def needs(resource: Resource, name: str) -> bool:
    return any(needed.name == name or needs(needed, name) for needed in dependencies(resource))
