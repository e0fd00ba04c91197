"""The alias that Firehose invokes, and the versions of the processor behind the alias.

A version keeps code and configuration for life (F281). The alias goes to a new version only after a smoke
test of that version, so a version that cannot be imported, exceeds its time or breaks Firehose's contract
never receives a click. Tags belong to the function alone (F283): the function's owner owns both.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from botocore.exceptions import ClientError

from mysfits_stream.aws.concurrently import concurrently
from mysfits_stream.aws.errors import ignoring, is_error, is_server_error
from mysfits_stream.aws.waiting import retry_while, wait_until
from mysfits_stream.click_definition import Definition
from mysfits_stream.errors import ProvisionError
from mysfits_stream.provision import smoke_test
from mysfits_stream.provision.resource import (
    Diff,
    Observed,
    Placement,
    Properties,
    Template,
    difference,
    logical_id,
)
from mysfits_stream.provision.resources.function import Function
from mysfits_stream.provision.resources.function_states import READY_BUDGET, getting_ready, replaced_for

if TYPE_CHECKING:
    from types_boto3_lambda import LambdaClient

KEPT_VERSIONS = 5
"""The newest versions, kept for `rollback`; the alias's own version is kept besides."""

SHOW_BUDGET = 60.0
"""Seconds for which a version or an alias made a moment ago may be missed (F284)."""

ROUTING = "RoutingConfig"
LATEST = "$LATEST"


@dataclass(frozen=True)
class Alias:
    """An alias of ``function`` to the newest version with the desired code and configuration.

    ``definition`` is the click of the smoke test; the description of each version holds its digest. ``warn``
    receives what the smoke test tolerates.
    """

    name: str
    placement: Placement
    alias_name: str
    function: Function
    definition: Definition
    stream_arn: str
    warn: Callable[[str], None] = lambda _text: None
    type: ClassVar[str] = "AWS::Lambda::Alias"

    @property
    def arn(self) -> str:
        """The alias's ARN."""
        return f"{self.function.arn}:{self.alias_name}"

    @property
    def desired(self) -> Properties:
        """Code and configuration of the version behind the alias, and no second version."""
        return {**self.function.content, ROUTING: {}, "State": "Active"}

    def template(self) -> Template:
        """The alias, and the version by the digest of its content."""
        content = json.dumps([self.function.content, self.description], sort_keys=True)
        version = (
            f"{logical_id(self.function.name)}Version{hashlib.sha256(content.encode()).hexdigest()[:12]}"
        )
        function = {"Ref": logical_id(self.function.name)}
        return {
            logical_id(self.name): {
                "Type": self.type,
                "Properties": {
                    "FunctionName": function,
                    "Name": self.alias_name,
                    "FunctionVersion": {"Fn::GetAtt": [version, "Version"]},
                },
            },
            # Kept for a rollback; a deleted function takes its versions along.
            version: {
                "Type": "AWS::Lambda::Version",
                "DeletionPolicy": "Retain",
                "UpdateReplacePolicy": "Retain",
                "Properties": {"FunctionName": function, "Description": self.description},
            },
        }

    @property
    def description(self) -> str:
        """The description of a version: the digest of the click's definition."""
        return f"click definition {definition_digest(self.definition.environment())}"

    def read(self) -> Observed | None:
        """The alias, with the content of its version.

        A function that is about to be replaced takes its aliases along, so that reads as a difference here.
        """
        alias = self.find()
        if alias is None:
            return None
        version, function = concurrently(
            lambda: self.configuration(alias["FunctionVersion"]), self.function.read
        )
        if version is None or function is None:
            return None
        properties = self.function.content_of(version) | {
            ROUTING: alias.get(ROUTING) or {},
            "State": replaced_for(function.properties)
            or ("Failed" if version.get("State") == "Failed" else "Active"),
        }
        if alias["FunctionVersion"] == LATEST:
            # $LATEST changes with each update, untested.
            properties["CodeSha256"] = f"of {LATEST}"
        return Observed(
            self.arn,
            self.arn,
            properties,
            function.owner,
            settled=version.get("State") != "Pending",
        )

    def create(self) -> None:
        """Publish and test a version, and create the alias."""
        version = self._publish()
        try:
            self._retry(
                lambda: self._lambda.create_alias(
                    FunctionName=self.function.function_name, Name=self.alias_name, FunctionVersion=version
                ),
                f"Lambda to show version {version}",
            )
        except ClientError as error:
            if not is_error(error, "ResourceConflictException", message="Alias already exists"):
                raise
            self.point_to(version)
        wait_until(
            lambda: self.find() is not None,
            self.placement.pace,
            waiting_for=f"Lambda to show alias {self.alias_name}",
            budget=SHOW_BUDGET,
            advice="check that no other program deletes it, and run `up` again",
        )

    def update(self, diff: Diff) -> None:
        """Publish and test a version, and point the alias to the new version."""
        self.point_to(self._publish(), whole=ROUTING in diff)

    def tag(self, arn: str) -> None:
        """Write the tags of the function (F283)."""
        self.function.tag(self.function.arn)

    def delete(self) -> None:
        """Delete the alias; the versions go with the function."""
        with ignoring("ResourceNotFoundException"):
            self._retry(
                lambda: self._lambda.delete_alias(
                    FunctionName=self.function.function_name, Name=self.alias_name
                ),
                f"Lambda to delete alias {self.alias_name}",
            )
        wait_until(
            lambda: self.find() is None,
            self.placement.pace,
            waiting_for=f"Lambda to forget alias {self.alias_name}",
            budget=SHOW_BUDGET,
            advice="check that no other program creates it again, and run the same command again",
        )

    def settle(self) -> None:
        """Wait until the alias's version is Active."""
        wait_until(
            lambda: (alias := self.find()) is not None and self._usable(alias["FunctionVersion"]),
            self.placement.pace,
            waiting_for=f"{self.arn} to be Active",
            budget=READY_BUDGET,
            advice=self._advice,
        )

    def find(self) -> Any:
        """The alias as GetAlias returns the alias; None for a missing alias."""
        try:
            return self._lambda.get_alias(FunctionName=self.function.function_name, Name=self.alias_name)
        except ClientError as error:
            if is_error(error, "ResourceNotFoundException"):
                return None
            raise

    def configuration(self, version: str) -> Any:
        """The configuration of a version; None for an unknown version."""
        try:
            return self._lambda.get_function_configuration(
                FunctionName=self.function.function_name, Qualifier=version
            )
        except ClientError as error:
            if is_error(error, "ResourceNotFoundException"):
                return None
            raise

    def versions(self) -> Iterator[Any]:
        """The configuration of each published version, the oldest first."""
        pages = self._lambda.get_paginator("list_versions_by_function").paginate(
            FunctionName=self.function.function_name
        )
        found = [each for page in pages for each in page["Versions"] if each["Version"] != LATEST]
        yield from sorted(found, key=lambda each: int(each["Version"]))

    def point_to(self, version: str, *, whole: bool = False) -> None:
        """Point the alias to a version; ``whole`` also ends weights between two versions."""
        weights: Any = {ROUTING: {"AdditionalVersionWeights": {}}} if whole else {}
        self._retry(
            lambda: self._lambda.update_alias(
                FunctionName=self.function.function_name,
                Name=self.alias_name,
                FunctionVersion=version,
                **weights,
            ),
            f"Lambda to show version {version}",
        )

    def test(self, version: str) -> None:
        """Invoke a version with the smoke test. Raises ProvisionError for a version that fails."""
        self.placement.pace.report(f"smoke test of version {version}")
        verdict = self._tested(version, with_click=True)
        if trouble := verdict.service_trouble:
            verdict = self._tested(version, with_click=False)
            self.warn(
                f"warning: the smoke test of version {version} could not look a mysfit up: {trouble}. "
                "Clicks wait in Firehose and fail after its retries until the Mysfits service answers"
            )
        if verdict.problem:
            raise ProvisionError(
                self.name,
                "smoke test",
                f"version {version} of {self.function.function_name} fails its smoke test, so alias "
                f"{self.alias_name} does not go there, and clicks take the way that they took before: "
                f"{verdict.problem.rstrip('.')}. Repair the code or the settings, and run `up` again",
            )

    @property
    def _lambda(self) -> LambdaClient:
        return self.placement.clients.function

    @property
    def _advice(self) -> str:
        return f"aws lambda get-alias --function-name {self.function.function_name} --name {self.alias_name}"

    def _publish(self) -> str:
        """The number of a version with the desired content that passed the smoke test.

        Versions are removed before the alias moves: a run that ends in between reads as drift, and the next
        run completes both.
        """
        self.function.settle()
        published: Any = self._retry(
            lambda: self._lambda.publish_version(
                FunctionName=self.function.function_name,
                CodeSha256=self.function.package().sha256,
                Description=self.description,
            ),
            f"Lambda to publish a version of {self.function.function_name}",
        )
        version = str(published["Version"])
        if differing := difference(self.function.content_of(published), self.function.content):
            raise ProvisionError(
                self.name,
                "publish",
                f"version {version} differs in {', '.join(differing)}: another program changes the function "
                "at the same time; run `up` again",
            )
        wait_until(
            lambda: self._usable(version),
            self.placement.pace,
            waiting_for=f"version {version} of {self.function.function_name} to be Active",
            budget=READY_BUDGET,
            advice=self._advice,
        )
        self.test(version)
        self._remove_old(version)
        return version

    def _usable(self, version: str) -> bool:
        found = self.configuration(version)
        if found is None:
            return False
        if found.get("State") == "Failed":
            reason = str(found.get("StateReason") or "AWS gives no reason").rstrip(".")
            raise ProvisionError(
                self.name, "settle", f"version {version} is Failed: {reason}; run `up` again"
            )
        return found.get("State", "Active") in ("Active", "Inactive")

    def _tested(self, version: str, *, with_click: bool) -> smoke_test.Verdict:
        payload = smoke_test.event(self.definition, self.stream_arn, with_click=with_click)
        answer: Any = self._retry(
            lambda: self._lambda.invoke(
                FunctionName=self.function.function_name, Qualifier=version, Payload=payload
            ),
            f"Lambda to run version {version}",
            INVOKE_PHRASES,
        )
        return smoke_test.verdict(
            answer["Payload"].read(), answer.get("FunctionError"), with_click=with_click
        )

    def _remove_old(self, newest: str) -> None:
        """Delete all versions but the newest five and the versions of aliases."""
        alias = self.find()
        kept = {newest, alias["FunctionVersion"]} if alias else {newest}
        numbers = [str(each["Version"]) for each in self.versions()]
        for number in numbers[:-KEPT_VERSIONS]:
            if number in kept:
                continue
            with ignoring("ResourceNotFoundException"):
                try:
                    self._lambda.delete_function(FunctionName=self.function.function_name, Qualifier=number)
                except ClientError as error:
                    if not is_error(error, "ResourceConflictException", message="aliases reference it"):
                        raise

    def _retry(self, call: Callable[[], Any], waiting_for: str, codes: tuple[str, ...] = ()) -> Any:
        def transient(error: Exception) -> bool:
            return (
                getting_ready(error)
                or is_server_error(error)
                or (bool(codes) and is_error(error, *codes))
                # A version made a moment ago may be missed (F284).
                or is_error(error, "ResourceNotFoundException", message=f"{self.function.arn}:")
            )

        return retry_while(
            transient,
            call,
            self.placement.pace,
            waiting_for=waiting_for,
            budget=SHOW_BUDGET,
            advice=self._advice,
        )


def definition_digest(environment: str) -> str:
    """The digest of a definition of a click, from the value of the variable CLICK."""
    return hashlib.sha256(environment.encode()).hexdigest()[:16]


INVOKE_PHRASES = (
    "CodeArtifactUserPendingException",
    "KMSAccessDeniedException",
    "ResourceNotReadyException",
    "TooManyRequestsException",
)
"""Errors of Invoke that pass by themselves: a new role, a busy account."""
