"""ListObjectVersions without a copy of the objects: moto copies all objects for every page."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import quote
from xml.sax.saxutils import escape

XMLNS = "http://s3.amazonaws.com/doc/2006-03-01/"
MOST_IN_PAGE = 1000
OWNER = "<Owner><ID>75aa57f09aa0c8caeab4f8c24e99d10f8e7faeebf76c078efc7c6caea54ba06a</ID></Owner>"


@dataclass(frozen=True)
class Version:
    """A version of an object, or a delete marker."""

    key: str
    id: str
    is_latest: bool
    last_modified: datetime
    is_marker: bool = False
    etag: str = ""
    size: int = 0
    storage_class: str = ""


def listed(bucket: str, keys: Any, parameters: Mapping[str, str]) -> str:
    """The XML document of a page.

    ``keys`` is moto's container of a bucket: for each key the stored versions, the latest last.
    ``parameters`` are the query parameters of the request.
    """
    prefix, delimiter = parameters.get("prefix", ""), parameters.get("delimiter", "")
    key_marker, id_marker = parameters.get("key-marker", ""), parameters.get("version-id-marker", "")
    limit = min(int(parameters.get("max-keys") or MOST_IN_PAGE), MOST_IN_PAGE)
    encoded = parameters.get("encoding-type") == "url"
    entries: list[Version | str] = []
    truncated = False
    for entry in _entries(keys, prefix, delimiter, key_marker, id_marker):
        if len(entries) == limit:
            truncated = limit > 0
            break
        entries.append(entry)

    def text(value: str) -> str:
        return quote(value, safe="/") if encoded else escape(value)

    document = [
        f'<?xml version="1.0" encoding="UTF-8"?>\n<ListVersionsResult xmlns="{XMLNS}">',
        f"<Name>{bucket}</Name><Prefix>{text(prefix)}</Prefix><KeyMarker>{text(key_marker)}</KeyMarker>",
        f"<VersionIdMarker>{escape(id_marker)}</VersionIdMarker><MaxKeys>{limit}</MaxKeys>",
    ]
    if delimiter:
        document.append(f"<Delimiter>{text(delimiter)}</Delimiter>")
    if encoded:
        document.append("<EncodingType>url</EncodingType>")
    document.append(f"<IsTruncated>{str(truncated).lower()}</IsTruncated>")
    if truncated:
        last = entries[-1]
        key, version_id = (last, "") if isinstance(last, str) else (last.key, last.id)
        document.append(f"<NextKeyMarker>{text(key)}</NextKeyMarker>")
        if version_id:
            document.append(f"<NextVersionIdMarker>{version_id}</NextVersionIdMarker>")
    for entry in entries:
        if isinstance(entry, str):
            document.append(f"<CommonPrefixes><Prefix>{text(entry)}</Prefix></CommonPrefixes>")
        else:
            document.append(_element(entry, text(entry.key)))
    return "".join(document) + "</ListVersionsResult>"


def is_marker(keys: Any, key: str, version_id: str) -> bool:
    """Whether a version of a key is a delete marker."""
    return any(
        stored.version_id == version_id and not hasattr(stored, "etag") for stored in keys.getlist(key, [])
    )


def _entries(
    keys: Any, prefix: str, delimiter: str, key_marker: str, id_marker: str
) -> Iterator[Version | str]:
    """The versions and the common prefixes after the markers, in the order of the keys."""
    names = sorted(name for name in keys if name.startswith(prefix))
    common = ""
    for name in names[bisect_left(names, key_marker) :]:
        if name == key_marker and not id_marker:
            continue
        cut = name.find(delimiter, len(prefix)) if delimiter else -1
        if cut >= 0:
            group = name[: cut + len(delimiter)]
            # A marker that is a common prefix stands for all keys below the prefix.
            if group not in (common, key_marker):
                common = group
                yield group
            continue
        versions = [_version(stored, index == 0) for index, stored in enumerate(reversed(keys.getlist(name)))]
        if name == key_marker:
            ids = [version.id for version in versions]
            versions = versions[ids.index(id_marker) + 1 :] if id_marker in ids else versions
        yield from versions


def _version(stored: Any, is_latest: bool) -> Version:
    if not hasattr(stored, "etag"):
        return Version(stored.name, stored.version_id, is_latest, stored.last_modified, is_marker=True)
    return Version(
        stored.name,
        stored.version_id,
        is_latest,
        stored.last_modified,
        etag=stored.etag,
        size=stored.size,
        storage_class=stored.storage_class,
    )


def _element(version: Version, key: str) -> str:
    moment = version.last_modified.strftime("%Y-%m-%dT%H:%M:%S.000Z")
    common = (
        f"<Key>{key}</Key><VersionId>{version.id}</VersionId>"
        f"<IsLatest>{str(version.is_latest).lower()}</IsLatest><LastModified>{moment}</LastModified>{OWNER}"
    )
    if version.is_marker:
        return f"<DeleteMarker>{common}</DeleteMarker>"
    return (
        f"<Version>{common}<ETag>{escape(version.etag)}</ETag><Size>{version.size}</Size>"
        f"<StorageClass>{version.storage_class}</StorageClass></Version>"
    )
