"""moto's interface for a resource type in templates."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from botocore.exceptions import ClientError

from mysfits_stream.localcloud.control_plane.cloudformation.calls import call

Properties = dict[str, Any]

GONE = (
    "EntityNotFoundException",
    "ResourceNotFoundException",
    "NotFoundException",
    "NoSuchEntity",
    "NoSuchBucket",
)


class Provided:
    """A resource of a template.

    ``put`` creates or updates the resource, ``remove`` deletes the resource.

    A type derives from this class and, directly, from moto's CloudFormationModel, by whose subclasses moto
    finds types.
    """

    TYPE: ClassVar[str]
    NAME: ClassVar[str] = ""
    """The property that holds the physical name; empty where AWS assigns an id."""
    ATTRIBUTES: ClassVar[tuple[str, ...]] = ("Arn",)
    """What Fn::GetAtt may ask for."""

    def __init__(self, region: str, properties: Properties, physical_id: str | None = None) -> None:
        self.region = region
        self.properties = properties
        self.exists = physical_id is not None
        self.physical_resource_id = physical_id or properties.get(self.NAME, "")
        self.attributes: dict[str, str] = {}

    def put(self) -> None:
        """Create the resource, or update an existing resource."""
        raise NotImplementedError

    def remove(self) -> None:
        """Delete the resource."""
        raise NotImplementedError

    def call(self, service: str, operation: str, **parameters: Any) -> Any:
        """Ask a service of the local cloud."""
        return call(self.region, service, operation, parameters)

    def tags(self) -> dict[str, str]:
        """The tags as a mapping."""
        return {tag["Key"]: tag["Value"] for tag in self.properties.get("Tags", ())}

    # The rest is moto's to call.

    @classmethod
    def cloudformation_name_type(cls) -> str:
        """The property with the resource's name."""
        return cls.NAME

    @classmethod
    def cloudformation_type(cls) -> str:
        """The type in a template."""
        return cls.TYPE

    @classmethod
    def has_cfn_attr(cls, attr: str) -> bool:
        """Whether Fn::GetAtt knows the attribute."""
        return attr in cls.ATTRIBUTES

    def get_cfn_attribute(self, attribute_name: str) -> str:
        """The value of Fn::GetAtt."""
        return self.attributes[attribute_name]

    def is_created(self) -> bool:
        """Always True: ``put`` returns after the creation."""
        return True

    @classmethod
    def create_from_cloudformation_json(
        cls,
        resource_name: str,
        cloudformation_json: Mapping[str, Any],
        account_id: str,
        region_name: str,
        **kwargs: Any,
    ) -> Provided:
        """Create the resource in a template."""
        made = cls(region_name, cloudformation_json["Properties"])
        made.put()
        return made

    @classmethod
    def update_from_cloudformation_json(
        cls,
        original_resource: Provided,
        new_resource_name: str,
        cloudformation_json: Mapping[str, Any],
        account_id: str,
        region_name: str,
    ) -> Provided:
        """Update the resource to the template's new properties."""
        before = original_resource.physical_resource_id
        changed = cls(region_name, cloudformation_json["Properties"], before)
        changed.attributes = original_resource.attributes
        changed.put()
        return changed

    def delete(self, account_id: str, region_name: str) -> None:
        """Delete the resource with its stack; a missing resource or parent is success."""
        try:
            self.remove()
        except ClientError as error:
            if error.response["Error"]["Code"] not in GONE:
                raise
