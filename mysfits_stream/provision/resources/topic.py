"""The SNS topic that the alarms notify, and its subscription by email (F256)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from botocore.exceptions import ClientError

from mysfits_stream.aws.errors import ignoring, is_error, is_server_error
from mysfits_stream.aws.waiting import retry_while
from mysfits_stream.provision.resource import (
    Diff,
    Observed,
    Placement,
    Properties,
    Template,
    logical_id,
    owner_of,
    tag_list,
)

if TYPE_CHECKING:
    from types_boto3_sns import SNSClient

EMAIL = "email"
PENDING = "PendingConfirmation"
"""In place of the ARN of a subscription whose owner has not confirmed yet (F256)."""

DELETED = "Deleted"
"""The same, of a subscription that is gone and still listed for a while."""


@dataclass(frozen=True)
class Topic:
    """A topic with one email address.

    The subscription works once the owner follows the link in an email.
    """

    name: str
    placement: Placement
    topic_name: str
    email: str
    type: ClassVar[str] = "AWS::SNS::Topic"

    @property
    def arn(self) -> str:
        """The topic's ARN."""
        return self.placement.account.arn("sns", self.topic_name)

    @property
    def desired(self) -> Properties:
        """The subscription, whether confirmed or not, and the tags."""
        return {
            "Subscription": [{"Protocol": EMAIL, "Endpoint": self.email}],
            "Tags": self.placement.tags,
        }

    def template(self) -> Template:
        """The topic with its subscription."""
        return {
            logical_id(self.name): {
                "Type": self.type,
                "Properties": {
                    "TopicName": self.topic_name,
                    "Subscription": [{"Protocol": EMAIL, "Endpoint": self.email}],
                    "Tags": tag_list(self.placement.tags),
                },
            }
        }

    def read(self) -> Observed | None:
        """The topic as SNS returns it; an unconfirmed subscription of another address is no drift."""
        try:
            tags = self._sns.list_tags_for_resource(ResourceArn=self.arn)["Tags"]
            subscriptions = self._subscriptions()
        except ClientError as error:
            if _missing(error):
                return None
            raise
        return Observed(
            self.topic_name,
            self.arn,
            {
                "Subscription": sorted(
                    (
                        {"Protocol": EMAIL, "Endpoint": each["Endpoint"]}
                        for each in subscriptions
                        if each["Endpoint"] == self.email or each["SubscriptionArn"] != PENDING
                    ),
                    key=lambda each: str(each["Endpoint"]),
                ),
                "Tags": self.placement.ours(tags),
            },
            owner_of(tags),
        )

    def is_pending(self) -> bool:
        """Whether the subscription waits for the confirmation by its owner."""
        try:
            found = self._subscriptions()
        except ClientError as error:
            if _missing(error):
                return False
            raise
        return any(each["Endpoint"] == self.email and each["SubscriptionArn"] == PENDING for each in found)

    def create(self) -> None:
        """Create the topic with its tags, and subscribe."""
        try:
            self._retry(
                lambda: self._sns.create_topic(Name=self.topic_name, Tags=tag_list(self.placement.tags))
            )
        except ClientError as error:
            # A topic of this name exists with other tags: the owner tag decides in the next read.
            if not is_error(error, "InvalidParameter", message="different tags"):
                raise
        self._subscribe()

    def update(self, diff: Diff) -> None:
        """Write the differing settings."""
        if "Tags" in diff:
            self.tag(self.arn)
        if "Subscription" in diff:
            for each in self._subscriptions():
                if each["Endpoint"] != self.email and each["SubscriptionArn"] != PENDING:
                    with ignoring("NotFound"):
                        self._sns.unsubscribe(SubscriptionArn=each["SubscriptionArn"])
            self._subscribe()

    def tag(self, arn: str) -> None:
        """Write the tags; TagResource keeps the others."""
        self._retry(lambda: self._sns.tag_resource(ResourceArn=arn, Tags=tag_list(self.placement.tags)))

    def delete(self) -> None:
        """Delete the topic with its subscriptions."""
        with ignoring("NotFound", "NotFoundException"):
            self._retry(lambda: self._sns.delete_topic(TopicArn=self.arn))

    def settle(self) -> None:
        """Usable at once after creation."""

    @property
    def _sns(self) -> SNSClient:
        return self.placement.clients.sns

    def _subscriptions(self) -> list[Any]:
        """The subscriptions by email."""
        pages = self._sns.get_paginator("list_subscriptions_by_topic").paginate(TopicArn=self.arn)
        return [
            each
            for page in pages
            for each in page["Subscriptions"]
            if each["Protocol"] == EMAIL and each["SubscriptionArn"] != DELETED
        ]

    def _subscribe(self) -> None:
        # Again for the same address is the same subscription.
        self._retry(lambda: self._sns.subscribe(TopicArn=self.arn, Protocol=EMAIL, Endpoint=self.email))

    def _retry(self, call: Any) -> Any:
        return retry_while(
            is_server_error,
            call,
            self.placement.pace,
            waiting_for=f"SNS to take a change of {self.topic_name}",
            advice="run the same command again",
        )


def _missing(error: Exception) -> bool:
    """There is no such topic (F256)."""
    return is_error(error, "NotFound", "NotFoundException", "ResourceNotFound")
