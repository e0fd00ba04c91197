"""The Resource Groups Tagging API: adds REST APIs and their stages, unknown to moto.

A bucket is listed in its own region only; moto lists a bucket in every region.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from mysfits_stream.localcloud.http.messages import Handler, Request, Response, json_response

Tags = Mapping[str, str]


class TaggedResources:
    """The override; ``rest_apis`` gives a region's REST APIs and stages, tags by ARN."""

    def __init__(
        self, rest_apis: Callable[[str], Mapping[str, Tags]], bucket_region: Callable[[str], str | None]
    ) -> None:
        self._rest_apis = rest_apis
        self._bucket_region = bucket_region

    def __call__(self, request: Request, moto: Handler) -> Response:
        """Handle a request; the added resources follow on the last page of moto's."""
        response = moto(request)
        if request.operation != "GetResources" or response.status != 200:
            return response
        answer, wanted = response.json(), request.json()
        answer["ResourceTagMappingList"] = [
            found
            for found in answer["ResourceTagMappingList"]
            if self._is_in(request.region, found["ResourceARN"])
        ]
        if not answer.get("PaginationToken"):
            answer["ResourceTagMappingList"] += [
                {"ResourceARN": arn, "Tags": [{"Key": key, "Value": value} for key, value in tags.items()]}
                for arn, tags in self._rest_apis(request.region).items()
                if _is_wanted(arn, tags, wanted)
            ]
        headers = {
            name: value for name, value in response.headers.items() if name.lower() != "content-length"
        }
        return json_response(200, answer, headers)

    def _is_in(self, region: str, arn: str) -> bool:
        _, _, service, _, _, name = arn.split(":", 5)
        return service != "s3" or self._bucket_region(name) == region


def _is_wanted(arn: str, tags: Tags, wanted: Mapping[str, Any]) -> bool:
    """Whether a resource matches the filters; a resource that never had a tag is not listed."""
    kinds = wanted.get("ResourceTypeFilters") or ["apigateway"]
    arns = wanted.get("ResourceARNList") or [arn]
    kind = "apigateway:restapis/stages" if "/stages/" in arn else "apigateway:restapis"
    return (
        bool(tags)
        and arn in arns
        and any(kind == named or kind.startswith((f"{named}:", f"{named}/")) for named in kinds)
        and all(
            each["Key"] in tags and (not each.get("Values") or tags[each["Key"]] in each["Values"])
            for each in wanted.get("TagFilters") or []
        )
    )
