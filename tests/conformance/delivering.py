"""Steps of cases about delivery streams: polling, and reading of objects."""

from __future__ import annotations

import base64
import io
import json
import re
import time
import uuid
import zipfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from tests.conformance.cloud import REGION, Cloud
from tests.conformance.steps import Run

FUNCTIONS = Path(__file__).parent / "functions"
ANYONE_MAY = json.dumps(
    {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
)


class Delivery(Run):
    """One case being run against a cloud whose delivery streams deliver by themselves."""

    def __init__(self, cloud: Cloud) -> None:
        super().__init__(cloud)
        self.streams: list[str] = []
        # Our own cloud is run many times as fast as AWS; others get what they deliver soonest with.
        self.interval = 60 if cloud.ours else 1
        self.pause = 0.02 if cloud.ours else 1.0
        self.settings: dict[str, Any] = {
            "fh_interval": self.interval,
            "fh_lambda_interval": str(self.interval),
            "fh_timeout": cloud.patience,
            "region": REGION,
        }

    def close(self) -> None:
        """Remove the streams, of which an account may have few."""
        for name in self.streams:
            delete_stream(self.cloud, name)

    def step(self, step: Mapping[str, Any]) -> None:
        """Do one step; a poll is repeated until what it waits for is there."""
        if step["op"] != "poll":
            if step["op"] == "firehose.CreateDeliveryStream":
                self.streams.append(self.filled(step["params"]["DeliveryStreamName"]))
            super().step(step)
            return
        wanted = step["params"]["until"]
        deadline = time.monotonic() + self.filled(step["params"]["timeout"])
        while True:
            super().step(step["params"])
            found = self.look(f"s{len(self.results) - 1}.{wanted['ref']}")
            if found == wanted["value"] if wanted["op"] == "==" else found >= wanted["value"]:
                return
            self.results.pop()
            assert time.monotonic() < deadline, f"still {wanted['ref']} = {found}"
            time.sleep(self.pause)

    def filled(self, value: Any) -> Any:
        """``value`` with settings, bytes and code filled in."""
        if isinstance(value, Mapping) and "$zip" in value:
            return function(value["$zip"])
        if isinstance(value, str):
            if (setting := re.fullmatch(r"\$\{([a-z_]+)\}", value)) and setting[1] in self.settings:
                return self.settings[setting[1]]
            value = value.replace("${region}", REGION)
        return super().filled(value)

    def look(self, reference: str) -> Any:
        """The value of a reference after its forms: ``s8.Body|text|json|.rawData|b64text``."""
        head, *forms = reference.split("|")
        value = super().look(head)
        for form in forms:
            value = self._in_form(value, form, head)
        return value

    def _in_form(self, value: Any, form: str, head: str) -> Any:
        if form.startswith("."):
            return value[form[1:]]
        match form:
            case "text":
                if not isinstance(value, bytes):
                    # A body can be read once; it is kept in place of the stream.
                    step, _, member = head.partition(".")
                    value = self.results[int(step[1:])][member] = value.read()
                return value.decode()
            case "json":
                return json.loads(value)
            case "b64text":
                return base64.b64decode(value).decode()
            case "len":
                return len(value)
            case "keys":
                return list(value)
            case "type":
                return type(value).__name__
        raise AssertionError(f"unknown form: {form}")

    def check_assertion(self, assertion: Mapping[str, Any]) -> None:
        """Hold a result against a statement about it."""
        actual, wanted = self.look(assertion["ref"]), self.filled(assertion["value"])
        match assertion["op"]:
            case "contains-all":
                assert set(wanted) <= set(actual), assertion["ref"]
            case _:
                super().check_assertion(assertion)


def delete_stream(cloud: Cloud, name: str) -> None:
    """Remove a delivery stream, if it is there."""
    with suppress(ClientError):
        cloud.client("firehose").delete_delivery_stream(DeliveryStreamName=name, AllowForceDelete=True)


def function(name: str) -> bytes:
    """A function of ours, zipped."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("index.py", (FUNCTIONS / f"{name}.py").read_text(encoding="utf-8"))
    return packed.getvalue()


class Pipeline:
    """A delivery stream for one case, with bucket, role and optionally a processor."""

    def __init__(self, cloud: Cloud) -> None:
        self.run = Delivery(cloud)
        self.cloud = cloud
        self.name = f"conformance-{uuid.uuid4().hex[:12]}"
        self.s3, self.firehose = cloud.client("s3"), cloud.client("firehose")
        self.role = self._role("delivery", "firehose.amazonaws.com", ANYONE_MAY)
        self.s3.create_bucket(Bucket=self.name)

    def processor(self, code: str, settings: Mapping[str, Any], policy: Any = None) -> dict[str, Any]:
        """Create a function, and the destination's setting; ``policy`` is all the role may do."""
        lambda_role = self._role("processor", "lambda.amazonaws.com", ANYONE_MAY)
        client = self.cloud.client("lambda")
        made = client.create_function(
            FunctionName=self.name,
            Runtime="python3.13",
            Handler="index.handler",
            Role=lambda_role,
            Code={"ZipFile": function(code)},
            **settings,
        )
        client.get_waiter("function_active_v2").wait(FunctionName=self.name, WaiterConfig={"Delay": 1})
        if policy:
            text = json.dumps(policy).replace("<function>", made["FunctionArn"])
            self.role = self._role("restricted", "firehose.amazonaws.com", text)
        parameters = {
            "LambdaArn": made["FunctionArn"],
            "BufferIntervalInSeconds": str(self.run.interval),
            "BufferSizeInMBs": "1",
        }
        listed = [{"ParameterName": name, "ParameterValue": value} for name, value in parameters.items()]
        return {"Enabled": True, "Processors": [{"Type": "Lambda", "Parameters": listed}]}

    def create(self, **destination: Any) -> None:
        """Make the stream and wait until it takes records."""
        self.firehose.create_delivery_stream(
            DeliveryStreamName=self.name, ExtendedS3DestinationConfiguration=self.destination(**destination)
        )
        self.wait_for(lambda: self.describe()["DeliveryStreamStatus"] == "ACTIVE", "the stream to be ACTIVE")

    def destination(self, **changes: Any) -> dict[str, Any]:
        """A destination with the least that is needed, and ``changes``."""
        hints = {"IntervalInSeconds": self.run.interval, "SizeInMBs": 1}
        bucket = f"arn:aws:s3:::{self.name}"
        return {"RoleARN": self.role, "BucketARN": bucket, "BufferingHints": hints, **changes}

    def close(self) -> None:
        """Remove the stream."""
        delete_stream(self.cloud, self.name)

    def describe(self) -> Any:
        """DescribeDeliveryStream's description."""
        return self.firehose.describe_delivery_stream(DeliveryStreamName=self.name)[
            "DeliveryStreamDescription"
        ]

    def put(self, *records: bytes) -> None:
        """Put the records in one batch."""
        self.firehose.put_record_batch(
            DeliveryStreamName=self.name, Records=[{"Data": record} for record in records]
        )

    def objects(self, prefix: str = "") -> dict[str, bytes]:
        """Every object of the bucket by key."""
        found = self.s3.list_objects_v2(Bucket=self.name, Prefix=prefix).get("Contents", [])
        return {
            item["Key"]: self.s3.get_object(Bucket=self.name, Key=item["Key"])["Body"].read()
            for item in found
        }

    def wait_for(self, condition: Any, what: str) -> None:
        """Ask until the condition holds, within bounds."""
        deadline = time.monotonic() + self.run.settings["fh_timeout"]
        while not condition():
            assert time.monotonic() < deadline, f"still waiting for {what}"
            time.sleep(self.run.pause)

    def _role(self, kind: str, service: str, policy: str) -> str:
        iam = self.cloud.client("iam")
        trust = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
        made = iam.create_role(
            RoleName=f"{self.name}-{kind}",
            AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [trust]}),
        )
        iam.put_role_policy(RoleName=f"{self.name}-{kind}", PolicyName="all", PolicyDocument=policy)
        return str(made["Role"]["Arn"])
