"""The processor: a Lambda function, created together with its code."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar

from botocore.exceptions import ClientError

from mysfits_stream.aws.errors import ignoring, is_error
from mysfits_stream.aws.waiting import IAM_BUDGET, retry_while, wait_until
from mysfits_stream.errors import ProvisionError
from mysfits_stream.provision.processor_zip import Package
from mysfits_stream.provision.resource import (
    Diff,
    Observed,
    Placement,
    Properties,
    Template,
    later_schema,
    logical_id,
    owner_of,
    tag_list,
)
from mysfits_stream.provision.resources.function_states import (
    MISSING,
    READY_BUDGET,
    RECREATED,
    getting_ready,
    replaced_for,
)
from mysfits_stream.provision.resources.log_group import LogGroup
from mysfits_stream.provision.resources.role import Role

if TYPE_CHECKING:
    from types_boto3_iam import IAMClient
    from types_boto3_lambda import LambdaClient

CODE = ("CodeSha256", "Architectures")
"""What UpdateFunctionCode changes; everything else is configuration."""

RESET: dict[str, Any] = {
    "Layers": [],
    "VpcConfig": {"SubnetIds": [], "SecurityGroupIds": []},
    "DeadLetterConfig": {"TargetArn": ""},
    "FileSystemConfigs": [],
    "EphemeralStorage": {"Size": 512},
}
"""Settings that the stack leaves at Lambda's default, and the values that restore the default.

A layer can replace modules; a VPC or a file system can cut the function off the Mysfits service. Only drift
sends these parameters: not every partition knows each (F134).
"""

UNRESERVED = "ReservedConcurrentExecutions"
"""Reserved concurrency: 0 stops the processor, and any number takes from the account's (F65)."""


@dataclass(frozen=True)
class Function:
    """A Lambda function that runs ``package`` under ``role``."""

    name: str
    placement: Placement
    function_name: str
    package: Callable[[], Package]
    handler: str
    runtime: str
    architecture: str
    memory_mb: int
    timeout_seconds: int
    environment: tuple[tuple[str, str], ...]
    role: Role
    log_group: LogGroup
    type: ClassVar[str] = "AWS::Lambda::Function"

    @property
    def arn(self) -> str:
        """The function's unqualified ARN."""
        return self.placement.account.arn("lambda", f"function:{self.function_name}")

    @property
    def content(self) -> Properties:
        """The properties that a published version keeps: code by digest, and configuration."""
        return {
            "CodeSha256": self.package().sha256,
            "Architectures": [self.architecture],
            "Runtime": self.runtime,
            "Handler": self.handler,
            "MemorySize": self.memory_mb,
            "Timeout": self.timeout_seconds,
            "Role": self.role.arn,
            "Environment": dict(self.environment),
            "LoggingConfig": {"LogFormat": "Text", "LogGroup": self.log_group.group_name},
            **{key: _without_empty(value) for key, value in RESET.items()},
        }

    @property
    def desired(self) -> Properties:
        """Code by its digest, and configuration."""
        return {**self.content, UNRESERVED: None, "Tags": self.placement.tags, "State": "Active"}

    def template(self) -> Template:
        """The function; two parameters of the template name the location of the code."""
        return {
            logical_id(self.name): {
                "Type": self.type,
                "Properties": {
                    "FunctionName": self.function_name,
                    **self._configuration(),
                    "Architectures": [self.architecture],
                    "Code": {"S3Bucket": {"Ref": "CodeBucket"}, "S3Key": {"Ref": "CodeKey"}},
                    "Tags": tag_list(self.placement.tags),
                },
            }
        }

    def read(self) -> Observed | None:
        """The function as Lambda returns it.

        A function that outlived its role reads as differing: Lambda's grant to decrypt the environment went
        with the earlier role of the name, and only a new function gets a grant (F55).
        """
        try:
            answer: Any = self._lambda.get_function(FunctionName=self.function_name)
        except ClientError as error:
            if is_error(error, "ResourceNotFoundException"):
                return None
            raise
        found = answer["Configuration"]
        properties = self.content_of(found) | {
            "Role": self._role_of(found),
            UNRESERVED: answer.get("Concurrency", {}).get(UNRESERVED),
            "Tags": self.placement.ours(answer.get("Tags", {})),
            # Idle functions may read Inactive and wake by themselves: only Failed is a difference.
            "State": "Failed"
            if "Failed" in (found.get("State"), found.get("LastUpdateStatus"))
            else "Active",
        }
        return Observed(
            self.function_name,
            self.arn,
            properties,
            owner_of(answer.get("Tags", {})),
            blocked=later_schema(answer.get("Tags", {})),
            settled=found.get("State") != "Pending" and found.get("LastUpdateStatus") != "InProgress",
        )

    def content_of(self, found: Any) -> Properties:
        """The properties of ``content``, of a FunctionConfiguration that Lambda returned."""
        logging = found.get("LoggingConfig", {})
        return {
            **{key: found.get(key) for key in ("CodeSha256", "Runtime", "Handler", "MemorySize", "Timeout")},
            "Architectures": found.get("Architectures", ["x86_64"]),
            "Role": found["Role"],
            "Environment": found.get("Environment", {}).get("Variables", {}),
            "LoggingConfig": {
                "LogFormat": logging.get("LogFormat", "Text"),
                "LogGroup": logging.get("LogGroup", f"/aws/lambda/{self.function_name}"),
            },
            **{key: _without_empty(found.get(key, value)) for key, value in RESET.items()},
            "Layers": [layer["Arn"] for layer in found.get("Layers", ())],
        }

    def create(self) -> None:
        """Create the function, waiting until its role is assumable; Pending on return."""
        with ignoring("ResourceConflictException"):
            self._retry(
                lambda: self._lambda.create_function(
                    FunctionName=self.function_name,
                    Code={"ZipFile": self.package().zip_bytes},
                    Architectures=[self.architecture],  # type: ignore[list-item]
                    Tags=self.placement.tags,
                    **self._configuration(),
                ),
                f"{self.role.role_name} to be assumable by Lambda",
                self._role_advice,
            )
        wait_until(
            lambda: self.read() is not None,
            self.placement.pace,
            waiting_for=f"Lambda to return {self.function_name}",
            budget=120,
            advice="check that no other process deletes the function, and run `up` again",
        )

    def update(self, diff: Diff) -> None:
        """Configuration first, then code, each settled before the next (F54)."""
        if replaced_for({key: observed for key, (observed, _) in diff.items()}):
            self.delete()
            self.create()
            return
        self.settle()
        if UNRESERVED in diff:
            self._lambda.delete_function_concurrency(FunctionName=self.function_name)
        if "Tags" in diff:
            self.tag(self.arn)
        if set(diff) - {*CODE, UNRESERVED, "Tags"}:
            self._retry(
                lambda: self._lambda.update_function_configuration(
                    FunctionName=self.function_name, **self._configuration(drifted=diff)
                ),
                f"Lambda to take the new configuration of {self.function_name}",
                f"{self._role_advice}, and check that no other process updates the function",
            )
            self.settle()
        if set(diff) & set(CODE):
            self._retry(
                lambda: self._lambda.update_function_code(
                    FunctionName=self.function_name,
                    ZipFile=self.package().zip_bytes,
                    Architectures=[self.architecture],  # type: ignore[list-item]
                ),
                f"Lambda to take the new code of {self.function_name}",
                self._state_advice,
            )

    def tag(self, arn: str) -> None:
        """Write the tags; TagResource keeps the others."""
        self._lambda.tag_resource(Resource=arn, Tags=self.placement.tags)

    def delete(self) -> None:
        """Delete the function and wait until Lambda no longer finds the function."""
        with ignoring("ResourceNotFoundException"):
            self._retry(
                lambda: self._lambda.delete_function(FunctionName=self.function_name),
                f"Lambda to be ready to delete {self.function_name}",
                self._state_advice,
                READY_BUDGET,
            )
        wait_until(
            lambda: self._found() is None,
            self.placement.pace,
            waiting_for=f"Lambda to delete {self.function_name}",
            budget=READY_BUDGET,
            advice="check that no other process creates the function again, and run the same command again",
        )

    def settle(self) -> None:
        """Wait until the function is Active and its last update is complete."""
        wait_until(
            self._usable,
            self.placement.pace,
            waiting_for=f"{self.function_name} to be Active",
            budget=READY_BUDGET,
            advice=self._state_advice,
        )

    @property
    def _lambda(self) -> LambdaClient:
        return self.placement.clients.function

    @property
    def _iam(self) -> IAMClient:
        return self.placement.clients.iam

    @property
    def _role_advice(self) -> str:
        return f"check that role {self.role.role_name} exists and trusts lambda.amazonaws.com"

    @property
    def _state_advice(self) -> str:
        return f"aws lambda get-function --function-name {self.function_name} names the reason"

    def _configuration(self, drifted: Collection[str] = ()) -> Any:
        # Lambda's defaults are sent for drift only: some partitions reject some parameters (F134).
        defaults = {"LoggingConfig": self.desired["LoggingConfig"], **RESET}
        return {
            **{key: value for key, value in defaults.items() if key in drifted},
            "Runtime": self.runtime,
            "Handler": self.handler,
            "Role": self.role.arn,
            "MemorySize": self.memory_mb,
            "Timeout": self.timeout_seconds,
            "Environment": {"Variables": dict(self.environment)},
        }

    def _found(self) -> Any:
        try:
            return self._lambda.get_function_configuration(FunctionName=self.function_name)
        except ClientError as error:
            if is_error(error, "ResourceNotFoundException"):
                return None
            raise

    def _usable(self) -> bool:
        found = self._found()
        if found is None:
            return False
        state, update = found.get("State", "Active"), found.get("LastUpdateStatus", "Successful")
        if "Failed" in (state, update):
            reason = found.get("StateReason") or found.get("LastUpdateStatusReason") or "AWS gives no reason"
            status = f"{self.arn} is {state}, its last update {update}"
            raise ProvisionError(
                self.name, "settle", f"{status}: {reason.rstrip('.')}; the next `up` replaces it"
            )
        return state in ("Active", "Inactive") and update == "Successful"

    def _role_of(self, found: Any) -> str:
        """The function's role, or the state of the role since the function's creation."""
        if found["Role"] != self.role.arn:
            return str(found["Role"])
        try:
            role = self._iam.get_role(RoleName=self.role.role_name)["Role"]
        except ClientError as error:
            if is_error(error, "NoSuchEntity"):
                return MISSING
            raise
        recreated = role["CreateDate"] > datetime.fromisoformat(found["LastModified"])
        return RECREATED if recreated else self.role.arn

    def _retry(
        self, call: Callable[[], Any], waiting_for: str, advice: str, budget: float = IAM_BUDGET
    ) -> Any:
        try:
            return retry_while(
                getting_ready,
                call,
                self.placement.pace,
                waiting_for=waiting_for,
                budget=budget,
                advice=advice,
            )
        except ClientError as error:
            # Architecture "arm64" is not supported in this region (F137).
            if is_error(
                error, "InvalidParameterValueException", message=f'"{self.architecture}" is not supp'
            ):
                message = error.response["Error"]["Message"].rstrip(".")
                raise ProvisionError(
                    self.name, error.operation_name, f"{message}; set processor.architecture to another"
                ) from error
            raise


def _without_empty(value: Any) -> Any:
    """A setting without empty members: without a VPC, Lambda may return ``{"SubnetIds": []}``."""
    if not isinstance(value, dict):
        return value
    return {key: member for key, member in value.items() if member}
