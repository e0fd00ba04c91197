"""Patches for moto's S3 beyond the reach of overrides, and for moto's memory and time.

``apply`` replaces methods of moto's classes, once for the process. Only ``moto_state.py`` calls ``apply``.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import botocore
from moto.core import responses, utils
from moto.core.base_backend import AccountSpecificBackend
from moto.core.common_models import BaseModel
from moto.core.loaders import create_loader
from moto.iam import models as iam_models
from moto.s3.exceptions import InvalidBucketState
from moto.s3.models import FakeDeleteMarker, FakeKey, S3Backend
from werkzeug.routing import Rule

from mysfits_stream.localcloud import service_models, simulated
from mysfits_stream.localcloud.random_ids import letters_and_digits

MANAGED_POLICIES = "moto.iam.aws_managed_policies"

NULL = "null"
"""The version id of objects that were put while versioning was off or suspended."""


def apply() -> None:
    """Replace the methods of moto."""
    # moto keeps every instance of its models in a list for a dashboard, also of deleted resources.
    model: Any = BaseModel
    model.__new__ = staticmethod(lambda cls, *_args, **_keywords: object.__new__(cls))
    # moto inspects the class of a service's responses on every call.
    module: Any = responses
    if not hasattr(module.method_names_from_class, "cache_info"):
        module.method_names_from_class = cache(module.method_names_from_class)
    # moto draws the characters of a request's id one by one, 2 % of the time of a call.
    module.gen_amzn_requestid_long = _request_id
    key: Any = FakeKey
    key.__del__ = FakeKey.dispose
    backend: Any = S3Backend
    if not hasattr(backend.put_object, "patched"):
        backend.put_object = _putting(backend.put_object)
        backend.delete_object = _deleting(backend.delete_object)
        backend.put_object_lock_configuration = _put_object_lock_configuration
        backend.put_bucket_versioning = _put_bucket_versioning
        _lighten()


def _no_address(rule: object, *arguments: object) -> None:
    raise NotImplementedError(f"no addresses are built of {rule}")


def _request_id(headers: dict[str, str] | None = None) -> str:
    """An id as long as moto's; ``headers`` get the id."""
    made = letters_and_digits(52)
    if headers is not None:
        headers["x-amzn-requestid"] = made
    return made


def _lighten() -> None:
    """Read fewer and smaller files of botocore, each once.

    The files take a third of the first `up`'s time in moto.
    """
    modules: Any = utils
    read, package_name = modules._load_service_model, modules.service_name_from_moto_package_name

    def load_service_model(service: str, kind: str) -> dict[str, Any]:
        if kind != service_models.KIND:
            raw: dict[str, Any] = read(service, kind)
            return raw
        document, loader = service_models.description(service), create_loader()
        version = loader.determine_latest_version(service, kind)
        for extra in loader._find_extras(service, kind, version):
            document = service_models.extended(document, extra.get("merge", {}))
        return _simulated(service, document)

    def service_name(package: str) -> str:
        # moto lists all services of botocore to find the hyphens of a few names.
        same = (Path(botocore.__file__).parent / "data" / package).is_dir()
        return package if same else str(package_name(package))

    modules._load_service_model = load_service_model
    modules.service_name_from_moto_package_name = service_name
    # moto asks for the regions of each service, a file of 11 MB in memory.
    accounts: Any = AccountSpecificBackend
    accounts._generate_regions = lambda self, service_name: list(_regions())
    # werkzeug compiles a function for each rule that builds the rule's address; moto builds no address.
    rule: Any = Rule
    rule._compile_builder = lambda self, append_unknown=True: _no_address
    # AWS's managed policies as one text of 4 MB, which is imported again when a policy is attached.
    sys.modules.pop(MANAGED_POLICIES, None)
    vars(iam_models)["aws_managed_policies_data"] = "{}"


def _simulated(service: str, document: dict[str, Any]) -> dict[str, Any]:
    """A description without the operations that never reach moto.

    moto compiles a rule for each operation.
    """
    if not simulated.is_listed(service):
        return document
    rejected = service_models.description(service)["operations"].keys() - set(simulated.operations(service))
    operations = {name: each for name, each in document["operations"].items() if name not in rejected}
    return {**document, "operations": operations}


@cache
def _regions() -> tuple[str, ...]:
    """The regions of all partitions."""
    partitions = service_models.data_loader().load_data("partitions")["partitions"]
    names = (region for partition in partitions for region in partition["regions"])
    return tuple(region for region in names if not region.endswith("-global"))


def _putting(put: Callable[..., Any]) -> Callable[..., Any]:
    """PutObject that replaces only the null version of a key, where moto replaces all versions."""

    def put_object(self: Any, bucket_name: str, key_name: str, *args: Any, **keywords: Any) -> Any:
        bucket = self.get_bucket(bucket_name)
        if bucket.versioning_status != "Suspended":
            return _locked(bucket, put(self, bucket_name, key_name, *args, **keywords))
        versions = bucket.keys.getlist(key_name, [])
        # Not by the pop of moto's container, which empties the objects.
        dict.pop(bucket.keys, key_name, None)
        try:
            new = put(self, bucket_name, key_name, *args, **keywords)
        except Exception:  # whatever fails, the earlier versions stay
            dict.__setitem__(bucket.keys, key_name, versions)
            raise
        dict.__setitem__(bucket.keys, key_name, [*versions, new])
        bucket.keys.setlist(key_name, [*_without_null(versions), new])
        return new

    put_object.patched = True  # type: ignore[attr-defined]
    return put_object


def _locked(bucket: Any, new: Any) -> Any:
    """A new version with the bucket's default retention, also without a request (F331)."""
    if bucket.has_default_lock and not new.lock_mode:
        new.lock_mode, new.lock_until = bucket.default_lock_mode, bucket.default_retention()
    return new


def _put_object_lock_configuration(
    self: Any,
    bucket_name: str,
    _lock_enabled: bool,  # the only value there is
    mode: str | None = None,
    days: int | None = None,
    years: int | None = None,
) -> None:
    """PutObjectLockConfiguration, also of a bucket with objects, unlike moto (F331)."""
    bucket = self.get_bucket(bucket_name)
    if bucket.versioning_status != "Enabled":
        raise InvalidBucketState(
            "Versioning must be 'Enabled' on the bucket to apply a Object Lock configuration"
        )
    bucket.object_lock_enabled = True
    bucket.default_lock_mode, bucket.default_lock_days, bucket.default_lock_years = mode, days, years


def _put_bucket_versioning(self: Any, bucket_name: str, status: str) -> None:
    """PutBucketVersioning, which Object Lock confines to Enabled, unlike in moto (F331)."""
    bucket = self.get_bucket(bucket_name)
    if bucket.object_lock_enabled and status != "Enabled":
        raise InvalidBucketState(
            "An Object Lock configuration is present on this bucket, "
            "so the versioning state cannot be changed."
        )
    bucket.versioning_status = status


def _deleting(delete: Callable[..., Any]) -> Callable[..., Any]:
    """DeleteObject that deletes the null version of a key, or the version of an id."""

    def delete_object(
        self: Any, bucket_name: str, key_name: str, version_id: str | None = None, bypass: bool = False
    ) -> Any:
        bucket = self.get_bucket(bucket_name)
        if bucket.versioning_status != "Suspended":
            return delete(self, bucket_name, key_name, version_id, bypass)
        bucket.versioning_status = "Enabled"
        try:
            answer = delete(self, bucket_name, key_name, version_id, bypass)
        finally:
            bucket.versioning_status = "Suspended"
        versions = bucket.keys.getlist(key_name, [])
        if version_id is None and versions and type(versions[-1]) is FakeDeleteMarker:
            *others, marker = versions
            marker._version_id = NULL
            bucket.keys.setlist(key_name, [*_without_null(others), marker])
            answer[1]["version-id"] = NULL
        return answer

    return delete_object


def _without_null(versions: list[Any]) -> list[Any]:
    return [version for version in versions if version.version_id != NULL]
