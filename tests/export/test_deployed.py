"""The exported template, deployed by CloudFormation, against the stack of ``up``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from mysfits_stream.config import AlarmsConfig, Config
from mysfits_stream.export import cloudformation, files
from mysfits_stream.local_site.mysfits import mysfits
from mysfits_stream.provision.resource import OWNER_TAG, difference
from tests.support.cloud import CloudUnderTest
from tests.support.deployment import Deployment

pytestmark = pytest.mark.slow

CLICK = {"userId": "guest", "mysfitId": mysfits()[0]["mysfitId"]}


def deploy(cloud: CloudUnderTest, config: Config, **parameters: str) -> Any:
    """Create a CloudFormation stack from the exported files, as a reader would."""
    template = cloudformation.template(config)
    s3, client = cloud.client("s3"), cloud.client("cloudformation")
    s3.create_bucket(Bucket="code", CreateBucketConfiguration={"LocationConstraint": cloud.region})
    for name, content in files.cloudformation_files(template).items():
        s3.put_object(Bucket="code", Key=name, Body=content)
    client.create_stack(StackName="exported", **_deployed(cloud, config, **parameters))
    return client


def _deployed(cloud: CloudUnderTest, config: Config, **parameters: str) -> dict[str, Any]:
    given = {"CodeBucket": "code", "MysfitsApi": f"{cloud.endpoint}/_mysfits", **parameters}
    return {
        "TemplateBody": files.as_yaml(cloudformation.template(config)),
        "Capabilities": ["CAPABILITY_NAMED_IAM"],
        "Parameters": [{"ParameterKey": key, "ParameterValue": value} for key, value in given.items()],
    }


def described(deployment: Deployment) -> dict[str, Any]:
    """Logical name -> what AWS says of the resource, the stack's name put aside."""
    observed = {resource.name: resource.read() for resource in deployment.resources()}
    text = json.dumps({name: found.properties for name, found in observed.items() if found})
    read: dict[str, Any] = json.loads(text.replace(deployment.config.stack, "<stack>"))
    return read


DIFFERENCES = {
    "clicks-api": {
        "Deployment": "the digest of a document with placeholders is not that of the document with values",
        "Models": "an import writes a model in its own way (F101), and up sets it once more",
    },
}
"""Logical name -> property -> why the template's differs from up's."""


def test_the_template_makes_what_up_makes_but_for_names(
    local_cloud: CloudUnderTest, deployment: Deployment, tmp_path: Path
) -> None:
    deployment.deploy()
    deploy(local_cloud, Config(stack="from-a-template"))
    exported = Deployment(local_cloud, tmp_path, Config(stack="from-a-template"))
    ours, theirs = described(deployment), described(exported)
    differing = {
        name: sorted(key for key, value in properties.items() if theirs[name][key] != value)
        for name, properties in ours.items()
        if theirs.get(name) != properties
    }
    assert differing == {name: sorted(differences) for name, differences in DIFFERENCES.items()}


def test_what_the_import_of_the_document_changes_in_the_model_is_no_rule_about_clicks(
    local_cloud: CloudUnderTest, deployment: Deployment
) -> None:
    deploy(local_cloud, Config())
    model = deployment.resource("clicks-api").read().properties["Models"]["Clicks"]
    wanted = deployment.resource("clicks-api").desired["Models"]["Clicks"]

    def without_order_and_limits(value: Any) -> Any:
        if isinstance(value, dict):
            dropped = ("$schema", "minItems", "maxItems")
            return {key: without_order_and_limits(v) for key, v in value.items() if key not in dropped}
        if isinstance(value, list):
            return sorted((without_order_and_limits(item) for item in value), key=json.dumps)
        return value

    assert without_order_and_limits(model) == without_order_and_limits(wanted)


def test_every_resource_of_the_template_carries_the_owner_tag_that_up_looks_for(
    local_cloud: CloudUnderTest, deployment: Deployment
) -> None:
    deploy(local_cloud, Config())
    owners = {resource.name: resource.read().owner for resource in deployment.resources()}  # type: ignore[union-attr]
    assert set(owners.values()) == {deployment.config.stack}, OWNER_TAG


def test_up_takes_a_deployed_template_over_and_changes_nothing_but_those_differences(
    local_cloud: CloudUnderTest, deployment: Deployment
) -> None:
    deploy(local_cloud, Config())
    changed = {change.resource.name: sorted(change.diff) for change in deployment.up() if change.diff}
    assert changed == {name: sorted(differences) for name, differences in DIFFERENCES.items()}
    assert set(deployment.statuses().values()) == {"in-sync"}


def test_a_click_goes_all_the_way_through_a_deployed_template(
    local_cloud: CloudUnderTest, deployment: Deployment
) -> None:
    client = deploy(local_cloud, Config())
    (stack,) = client.describe_stacks(StackName="exported")["Stacks"]
    outputs = {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}
    api_id = deployment.resource("clicks-api").read().id
    assert outputs["StreamingApiEndpoint"] == f"https://{api_id}.execute-api.eu-west-1.amazonaws.com/prod"
    assert deployment.put(CLICK).json() == {"status": "accepted"}
    assert deployment.put({"userId": "guest"}).status_code == 400
    deployment.pass_buffers()
    (delivered,) = deployment.delivered()
    assert delivered.items() >= CLICK.items()


def test_a_parameter_of_a_running_stack_can_be_changed(
    local_cloud: CloudUnderTest, deployment: Deployment
) -> None:
    client = deploy(local_cloud, Config())
    client.update_stack(
        StackName="exported",
        **_deployed(local_cloud, Config(), DeliveryBufferSeconds="300", ProcessorMemoryMb="512"),
    )
    stream = deployment.resource("delivery-stream").read().properties
    assert stream["BufferingHints"] == {"IntervalInSeconds": 300, "SizeInMBs": 50}
    assert deployment.resource("processor").read().properties["MemorySize"] == 512


def test_deleting_the_stack_leaves_the_clicks_and_nothing_else(
    local_cloud: CloudUnderTest, deployment: Deployment
) -> None:
    client = deploy(local_cloud, Config())
    deployment.put(CLICK)
    deployment.pass_buffers()
    client.delete_stack(StackName="exported")
    left = [resource.name for resource in deployment.resources() if resource.read()]
    assert left == ["clicks-bucket"]
    assert len(deployment.delivered()) == 1


@pytest.mark.parametrize("missing", ["CodeBucket", "MysfitsApi"])
def test_a_parameter_without_a_default_has_to_be_given(local_cloud: CloudUnderTest, missing: str) -> None:
    client = local_cloud.client("cloudformation")
    request = _deployed(local_cloud, Config())
    request["Parameters"] = [p for p in request["Parameters"] if p["ParameterKey"] != missing]
    with pytest.raises(client.exceptions.ClientError, match=missing):
        client.create_stack(StackName="exported", **request)


def test_a_template_is_valid_to_cloudformation(local_cloud: CloudUnderTest) -> None:
    body = files.as_yaml(cloudformation.template(Config()))
    assert local_cloud.client("cloudformation").validate_template(TemplateBody=body)["Description"]


def test_a_deployed_template_outlives_a_restart_of_the_local_cloud(
    local_cloud: CloudUnderTest, deployment: Deployment, tmp_path: Path
) -> None:
    client = deploy(local_cloud, Config())
    plane = local_cloud.cloud.control_plane
    plane.save(tmp_path)
    plane.reset()
    plane.load(tmp_path)
    assert client.describe_stacks(StackName="exported")["Stacks"][0]["StackStatus"] == "CREATE_COMPLETE"
    client.delete_stack(StackName="exported")
    assert [resource.name for resource in deployment.resources() if resource.read()] == ["clicks-bucket"]


def test_the_alarms_of_a_template_are_those_of_up(
    local_cloud: CloudUnderTest, deployment: Deployment
) -> None:
    config = Config(alarms=AlarmsConfig(email="me@example.com"))
    client = deploy(local_cloud, config)
    deployment.config = config
    watching = [each for each in deployment.resources() if each.name.startswith("alarm-")]
    assert len(watching) == 9
    logs = deployment.resource("delivery-logs")
    for resource in [*watching, logs]:
        observed = resource.read()
        assert observed is not None
        assert difference(observed.properties, resource.desired) == {}, resource.name
    client.delete_stack(StackName="exported")
    assert [resource.read() for resource in watching] == [None] * 9
