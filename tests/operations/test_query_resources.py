"""The resources of ``query.athena``: created with the setting, deleted without it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from mysfits_stream.config import Config, QueryConfig
from mysfits_stream.operations.down import down, plan_removal
from mysfits_stream.operations.plan import plan
from mysfits_stream.operations.project import Project
from mysfits_stream.operations.up import up
from mysfits_stream.provision.engine import Action, Progress
from mysfits_stream.provision.stack import QUERY_RESOURCES
from tests.support.deployment import Deployment

pytestmark = pytest.mark.slow

ON = Config(query=QueryConfig(athena=True))


class Silent:
    """A run whose progress nobody reads."""

    def notify(self, progress: Progress) -> None: ...

    def waiting(self, name: str, text: str) -> None: ...


@pytest.fixture
def project(deployment: Deployment) -> Callable[[Config], Project]:
    def made(config: Config) -> Project:
        # As on AWS: a local cloud of this process has no daemon to stop.
        return Project(config, deployment.directory, replace(deployment.target, name="aws"))

    return made


def test_off_makes_no_call_and_on_makes_three_resources(
    deployment: Deployment, project: Callable[[Config], Project]
) -> None:
    up(project(Config()), Silent())
    assert not [call for call in deployment.calls if "WorkGroup" in call or "Database" in call]
    done = up(project(ON), Silent()).changes
    created = {change.name for change in done.resources if change.action is Action.CREATE}
    assert created == set(QUERY_RESOURCES)


def test_turning_it_off_deletes_the_three_and_leaves_the_rest(
    deployment: Deployment, project: Callable[[Config], Project]
) -> None:
    up(project(ON), Silent())
    planned = plan(project(Config())).changes
    assert {c.name for c in planned.resources if c.action is Action.DELETE} == set(QUERY_RESOURCES)
    up(project(Config()), Silent())
    assert deployment.cloud.client("glue").get_databases()["DatabaseList"] == []
    assert plan(project(Config())).changes.in_sync
    deployment.calls.clear()
    up(project(Config()), Silent())
    assert not [call for call in deployment.calls if "WorkGroup" in call or "Database" in call]


def test_down_deletes_what_an_earlier_setting_made_and_the_cache(
    deployment: Deployment, project: Callable[[Config], Project]
) -> None:
    up(project(ON), Silent())
    off = project(Config())
    off.cache_directory.mkdir(parents=True)
    (off.cache_directory / "1.parquet").write_bytes(b"clicks")
    removal = plan_removal(off, keep_data=False, delete_repository=False, count=False)
    assert set(QUERY_RESOURCES) <= {change.name for change in removal.changes.resources}
    down(off, removal, Silent(), delete_data=True)
    assert deployment.cloud.client("glue").get_databases()["DatabaseList"] == []
    assert len(deployment.cloud.client("athena").list_work_groups()["WorkGroups"]) == 1
    assert not off.cache_directory.exists()
