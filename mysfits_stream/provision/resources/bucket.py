"""The clicks bucket: private, versioned, and emptied only when somebody said so."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from botocore.exceptions import BotoCoreError, ClientError

from mysfits_stream.aws.concurrently import concurrently
from mysfits_stream.aws.errors import ignoring, is_error, is_server_error
from mysfits_stream.aws.waiting import retry_while, wait_until
from mysfits_stream.errors import DataProtectedError
from mysfits_stream.provision.policies import tls_only
from mysfits_stream.provision.resource import (
    Diff,
    Observed,
    Placement,
    Properties,
    Template,
    difference,
    logical_id,
    owner_of,
    tag_list,
    tags_of,
)
from mysfits_stream.provision.resources.emptying import empty
from mysfits_stream.retention import Expiry

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

NO_REGION = "us-east-1"
"""The one region in which CreateBucket must not name its region (F43)."""

NOT_AUTHORIZED = "is not authorized to perform"
NO_RESOURCE_POLICY = "because no resource-based policy allows"
"""Why S3 denies a bucket of another account of the same organisation (F154)."""

NOT_OURS = "belongs to another account, or lacks a policy that lets you see its tags (s3:GetBucketTagging)"

OLD_VERSIONS = "expire-what-is-no-longer-current"
"""The ID of the lifecycle rule that every stack has."""

GONE_BUDGET = 60.0
SETTINGS_BUDGET = 300.0
"""Seconds for which S3 may show the earlier settings: minutes in some regions (F153)."""

STEADY = 3
"""Good reads in a row after which a bucket counts as known everywhere."""

EMPTYINGS = 3
"""How often the bucket is emptied again if a writer was faster than its deletion (F49)."""


@dataclass(frozen=True)
class Bucket:
    """A bucket whose data outlives mistakes.

    ``delete_data`` is the licence to empty the bucket; without it, only an empty bucket is deleted.
    """

    name: str
    placement: Placement
    bucket_name: str
    expire_old_versions_days: int
    abort_multipart_days: int
    expiries: tuple[Expiry, ...] = ()
    """The lifetimes of objects by prefix."""
    kms_key: str | None = None
    """The ARN of the key that encrypts objects; None for the keys of S3."""
    delete_data: bool = False
    expected_versions: int = 0
    """How many versions there are to delete, if that is known."""
    type: ClassVar[str] = "AWS::S3::Bucket"

    @property
    def arn(self) -> str:
        """The bucket's ARN."""
        return self.placement.account.bucket_arn(self.bucket_name)

    @property
    def desired(self) -> Properties:
        """Private, versioned, encrypted, TLS only; old versions and broken uploads expire."""
        return {
            "VersioningConfiguration": {"Status": "Enabled"},
            "PublicAccessBlockConfiguration": {
                "BlockPublicAcls": True,
                "BlockPublicPolicy": True,
                "IgnorePublicAcls": True,
                "RestrictPublicBuckets": True,
            },
            "OwnershipControls": {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]},
            "BucketEncryption": (
                {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": self.kms_key, "BucketKeyEnabled": True}
                if self.kms_key
                else {"SSEAlgorithm": "AES256"}
            ),
            "LifecycleConfiguration": {
                "Rules": _in_order(
                    [
                        {
                            "ID": OLD_VERSIONS,
                            "Status": "Enabled",
                            "Filter": {"Prefix": ""},
                            "NoncurrentVersionExpiration": {"NoncurrentDays": self.expire_old_versions_days},
                            "AbortIncompleteMultipartUpload": {
                                "DaysAfterInitiation": self.abort_multipart_days
                            },
                        },
                        *(
                            {
                                "ID": each.id,
                                "Status": "Enabled",
                                "Filter": {"Prefix": each.prefix},
                                "Expiration": {"Days": each.days},
                            }
                            for each in self.expiries
                            if each.days
                        ),
                    ]
                )
            },
            "BucketPolicy": tls_only(self.arn),
            "Tags": self.placement.tags,
        }

    def template(self) -> Template:
        """The bucket and its policy; both outlive the template, so that no mistake deletes clicks."""
        properties = self.desired
        policy = properties.pop("BucketPolicy")
        tags = tag_list(properties.pop("Tags"))
        by_default = properties.pop("BucketEncryption")
        bucket_key = {key: by_default.pop(key) for key in ("BucketKeyEnabled",) if key in by_default}
        encryption = {"ServerSideEncryptionByDefault": by_default, **bucket_key}
        rules = [
            {"Id": rule["ID"], "Prefix": rule["Filter"]["Prefix"]}
            | {key: value for key, value in rule.items() if key not in ("ID", "Filter", "Expiration")}
            | ({"ExpirationInDays": rule["Expiration"]["Days"]} if "Expiration" in rule else {})
            for rule in properties.pop("LifecycleConfiguration")["Rules"]
        ]
        name = logical_id(self.name)
        return {
            name: {
                "Type": self.type,
                "DeletionPolicy": "Retain",
                "UpdateReplacePolicy": "Retain",
                "Properties": {
                    "BucketName": self.bucket_name,
                    **properties,
                    "BucketEncryption": {"ServerSideEncryptionConfiguration": [encryption]},
                    "LifecycleConfiguration": {"Rules": rules},
                    "Tags": tags,
                },
            },
            f"{name}Policy": {
                "Type": "AWS::S3::BucketPolicy",
                "DeletionPolicy": "Retain",
                "UpdateReplacePolicy": "Retain",
                "Properties": {"Bucket": {"Ref": name}, "PolicyDocument": policy},
            },
        }

    def read(self) -> Observed | None:
        """The bucket as S3 returns it.

        A bucket without read access counts as another account's (F131). A bucket in another region is
        refused, too: the bucket would belong to the stack in both regions, and one `down` would delete it
        from both.
        """
        try:
            tags = self._tags()
            region, *settings = concurrently(
                self._region, *(partial(read, self) for read in READERS.values())
            )
        except ClientError as error:
            if _missing(error):
                return None
            if _foreign(error):
                return Observed(self.bucket_name, self.arn, not_ours_reason=NOT_OURS)
            raise
        if region != self.placement.account.region:
            elsewhere = f"is in region {region} (set another bucket.name for {self.placement.account.region})"
            return Observed(self.bucket_name, self.arn, not_ours_reason=elsewhere)
        properties = dict(zip(READERS, settings, strict=True)) | {"Tags": self.placement.ours(tags)}
        return Observed(self.bucket_name, self.arn, properties, owner_of(tags))

    def create(self) -> None:
        """Create the bucket with its owner tag, then write the settings one by one."""
        made = self._make()
        try:
            owner = self.placement.owner if made else owner_of(self._retry(self._tags))
        except ClientError as error:
            if _foreign(error):
                return  # Somebody was faster: the next read tells.
            raise
        # One that was there before may be another region's.
        if owner == self.placement.owner and (
            made or self._retry(self._region) == self.placement.account.region
        ):
            self.update({key: (None, self.desired[key]) for key in WRITERS})

    def _make(self) -> bool:
        """Whether this call created the bucket; False if the bucket existed before."""
        region = (
            {}
            if self.placement.account.region == NO_REGION
            else {"LocationConstraint": self.placement.account.region}
        )
        tags = tag_list(self.placement.tags)
        with ignoring("BucketAlreadyOwnedByYou", "BucketAlreadyExists"):
            try:
                # With tags us-east-1 refuses a second creation, instead of resetting ACLs (section 2.2).
                self._retry(lambda: self._create_with({"Tags": tags, **region}))
            except ClientError as error:
                if not is_error(error, "UnsupportedArgument", "MalformedXML"):
                    raise
                # Not every partition takes tags with the creation (F133): there they follow at once. Whoever
                # dies in between leaves an empty bucket that `up --adopt` takes over.
                self._retry(lambda: self._create_with(region))
                self._put_tags(self.placement.tags)
            return True
        return False

    def _create_with(self, configuration: dict[str, Any]) -> None:
        given: Any = {"CreateBucketConfiguration": configuration} if configuration else {}
        self._s3.create_bucket(Bucket=self.bucket_name, **given)

    def update(self, diff: Diff) -> None:
        """Write the differing settings one by one: S3 rejects concurrent changes (F23)."""
        for key in diff:
            if key == "Tags":
                self.tag(self.arn)
            else:
                self._retry(lambda key=key: WRITERS[key](self, self.desired[key]))  # type: ignore[misc]

    def tag(self, arn: str) -> None:
        """Write the tags, together with the others: PutBucketTagging replaces the whole set."""
        self._put_tags(self._retry(self._tags) | self.placement.tags)

    def _put_tags(self, tags: dict[str, str]) -> None:
        try:
            self._retry(
                lambda: self._s3.put_bucket_tagging(
                    Bucket=self.bucket_name, Tagging={"TagSet": tag_list(tags)}
                )
            )
        except ClientError as error:
            if is_error(error, "NoSuchBucket") or not self._tag_by_control():
                raise

    def _tag_by_control(self) -> bool:
        """Tag by S3 Control, as buckets with access control by tags demand (F46).

        False if that fails.
        """
        with suppress(ClientError, BotoCoreError):
            self.placement.clients.s3control().tag_resource(
                AccountId=self.placement.account.id,
                ResourceArn=self.arn,
                Tags=tag_list(self.placement.tags),
            )
            return True
        return False

    def delete(self) -> None:
        """Delete the bucket, with its content only where ``delete_data`` allows."""
        for attempt in range(EMPTYINGS + 1):
            try:
                with ignoring("NoSuchBucket"):
                    self._retry(lambda: self._s3.delete_bucket(Bucket=self.bucket_name), transient=_undecided)
                self._wait_gone()
                return
            except ClientError as error:
                if not is_error(error, "BucketNotEmpty") or attempt == EMPTYINGS:
                    raise
            if not self.delete_data:
                raise DataProtectedError(
                    self.name,
                    "delete",
                    f"{self.bucket_name} holds clicks; --delete-data deletes them, --keep-data keeps them",
                )
            with ignoring("NoSuchBucket"):
                empty(self._s3, self.bucket_name, self.placement.pace.report, expected=self.expected_versions)

    def settle(self) -> None:
        """Wait until S3 no longer misses the bucket (F24) and shows the settings as written (F153)."""
        wait_until(
            self._answers,
            self.placement.pace,
            waiting_for=f"S3 to return {self.bucket_name} consistently",
            budget=120,
            in_a_row=STEADY,
            advice="check that no other process deletes the bucket, and run `up` again",
        )
        wait_until(
            self._shows_settings,
            self.placement.pace,
            waiting_for=f"S3 to return the new settings of {self.bucket_name}",
            budget=SETTINGS_BUDGET,
            in_a_row=STEADY,
            advice="check that no other process changes the settings; `status` shows the differences",
        )

    def _shows_settings(self) -> bool:
        try:
            observed = self.read()
        except ClientError as error:
            if not is_server_error(error):
                raise
            return False
        return observed is not None and not difference(observed.properties, self.desired)

    @property
    def _s3(self) -> S3Client:
        return self.placement.clients.s3

    def _tags(self) -> dict[str, str]:
        try:
            return tags_of(self._s3.get_bucket_tagging(Bucket=self.bucket_name)["TagSet"])
        except ClientError as error:
            if is_error(error, "NoSuchTagSet"):
                return {}
            raise

    def _region(self) -> str:
        """The bucket's region from any region: botocore follows S3's redirects (section 2.2)."""
        # Emulators of S3 may omit the region; then there is one region only.
        return self._s3.head_bucket(Bucket=self.bucket_name).get(
            "BucketRegion", self.placement.account.region
        )

    def _retry(self, call: Callable[[], Any], transient: Callable[[Exception], bool] | None = None) -> Any:
        return retry_while(
            transient or _getting_ready,
            call,
            self.placement.pace,
            waiting_for=f"S3 to finish other operations on {self.bucket_name}",
            advice="check that no other process changes the bucket. If a bucket of this name was "
            "deleted recently, wait and run the same command again, or set bucket.name",
        )

    def _wait_gone(self) -> None:
        # HeadBucket goes on answering for a moment after the deletion.
        wait_until(
            lambda: not self._answers(),
            self.placement.pace,
            waiting_for=f"S3 to delete {self.bucket_name}",
            budget=GONE_BUDGET,
            advice="check that no other process creates the bucket again, and run `down` again",
        )

    def _answers(self) -> bool:
        try:
            self._s3.head_bucket(Bucket=self.bucket_name)
        except ClientError as error:
            if _missing(error):
                return False
            if not is_server_error(error):
                raise
        return True


def _undecided(error: Exception) -> bool:
    """S3 is still busy with an earlier change of a bucket of the name (F23, F44)."""
    return is_error(error, "OperationAborted") or is_server_error(error)


def _foreign(error: ClientError) -> bool:
    """The bucket is another account's.

    To the owning account, S3 names the missing action (F131, F132). Only the read of the tags tells: whoever
    can read the tags is in the account, and lacks other permissions.
    """
    if error.operation_name != "GetBucketTagging" or not is_error(error, "AccessDenied"):
        return False
    return not is_error(error, "AccessDenied", message=NOT_AUTHORIZED) or is_error(
        error, "AccessDenied", message=NO_RESOURCE_POLICY
    )


def _missing(error: Exception) -> bool:
    """The bucket does not exist.

    A response to HEAD has no body, so the code is the status (F40).
    """
    return is_error(error, "NoSuchBucket", "404")


def _getting_ready(error: Exception) -> bool:
    """The bucket was made and is not known everywhere yet (F24)."""
    return _missing(error) or _undecided(error)


# One reader and one writer for each property; what is absent reads as None.


def _read_versioning(bucket: Bucket) -> Any:
    return {"Status": bucket._s3.get_bucket_versioning(Bucket=bucket.bucket_name).get("Status", "Suspended")}


def _absent(code: str, call: Callable[[], Any]) -> Any:
    try:
        return call()
    except ClientError as error:
        if is_error(error, code):
            return None
        raise


READERS: dict[str, Callable[[Bucket], Any]] = {
    "VersioningConfiguration": _read_versioning,
    "PublicAccessBlockConfiguration": lambda b: _absent(
        "NoSuchPublicAccessBlockConfiguration",
        lambda: b._s3.get_public_access_block(Bucket=b.bucket_name)["PublicAccessBlockConfiguration"],
    ),
    "OwnershipControls": lambda b: _absent(
        "OwnershipControlsNotFoundError",
        lambda: b._s3.get_bucket_ownership_controls(Bucket=b.bucket_name)["OwnershipControls"],
    ),
    "BucketEncryption": lambda b: _absent(
        "ServerSideEncryptionConfigurationNotFoundError",
        lambda: _encryption(b._s3.get_bucket_encryption(Bucket=b.bucket_name)),
    ),
    "LifecycleConfiguration": lambda b: _absent(
        "NoSuchLifecycleConfiguration",
        lambda: {"Rules": _in_order(b._s3.get_bucket_lifecycle_configuration(Bucket=b.bucket_name)["Rules"])},
    ),
    "BucketPolicy": lambda b: _absent(
        "NoSuchBucketPolicy", lambda: json.loads(b._s3.get_bucket_policy(Bucket=b.bucket_name)["Policy"])
    ),
}

WRITERS: dict[str, Callable[[Bucket, Any], Any]] = {
    "VersioningConfiguration": lambda b, v: b._s3.put_bucket_versioning(
        Bucket=b.bucket_name, VersioningConfiguration=v
    ),
    "PublicAccessBlockConfiguration": lambda b, v: b._s3.put_public_access_block(
        Bucket=b.bucket_name, PublicAccessBlockConfiguration=v
    ),
    "OwnershipControls": lambda b, v: b._s3.put_bucket_ownership_controls(
        Bucket=b.bucket_name, OwnershipControls=v
    ),
    "BucketEncryption": lambda b, v: _write_encryption(b, v),
    "LifecycleConfiguration": lambda b, v: b._s3.put_bucket_lifecycle_configuration(
        Bucket=b.bucket_name, LifecycleConfiguration=v
    ),
    "BucketPolicy": lambda b, v: b._s3.put_bucket_policy(Bucket=b.bucket_name, Policy=json.dumps(v)),
}


def _in_order(rules: Sequence[Any]) -> list[Any]:
    """Lifecycle rules by ID, OLD_VERSIONS first: their order has no meaning for S3 (F231)."""
    return sorted(rules, key=lambda rule: (rule.get("ID") != OLD_VERSIONS, str(rule.get("ID", ""))))


def _encryption(answer: Any) -> Any:
    rule = _first_rule(answer)
    by_default = rule.get("ApplyServerSideEncryptionByDefault")
    # The keys of a bucket matter with a key of KMS only.
    keyed = by_default and "KMSMasterKeyID" in by_default and rule.get("BucketKeyEnabled")
    return {**by_default, "BucketKeyEnabled": True} if keyed else by_default


def _write_encryption(bucket: Bucket, wanted: dict[str, Any]) -> None:
    """Write the default encryption, and keep which types of encryption the bucket blocks (F45)."""
    live = _absent(
        "ServerSideEncryptionConfigurationNotFoundError",
        lambda: bucket._s3.get_bucket_encryption(Bucket=bucket.bucket_name),
    )
    by_default = {key: value for key, value in wanted.items() if key != "BucketKeyEnabled"}
    rule: Any = {"ApplyServerSideEncryptionByDefault": by_default}
    if "BucketKeyEnabled" in wanted:
        rule["BucketKeyEnabled"] = True
    if live and (blocked := _first_rule(live).get("BlockedEncryptionTypes")):
        rule["BlockedEncryptionTypes"] = blocked
    bucket._s3.put_bucket_encryption(
        Bucket=bucket.bucket_name, ServerSideEncryptionConfiguration={"Rules": [rule]}
    )


def _first_rule(answer: Any) -> Any:
    return next(iter(answer["ServerSideEncryptionConfiguration"]["Rules"]), {})
