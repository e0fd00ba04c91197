"""A local cloud for tests on 127.0.0.1: API Gateway, Firehose, Lambda, S3, IAM, CloudWatch.

    with LocalCloud(Settings(time_scale=600)) as cloud:
        s3 = boto3.client("s3", endpoint_url=cloud.endpoint, region_name="us-east-1", ...)

The package imports no other part of ``mysfits_stream``. ``docs/local-cloud.md`` has a pytest fixture.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mysfits_stream.localcloud.aws_behavior import FaultRule
    from mysfits_stream.localcloud.awslambda.function import Function
    from mysfits_stream.localcloud.awslambda.runner import FunctionRunner
    from mysfits_stream.localcloud.server import LocalCloud
    from mysfits_stream.localcloud.settings import Settings

__all__ = ["FaultRule", "Function", "FunctionRunner", "LocalCloud", "Settings"]

_HOMES = {
    "FaultRule": "aws_behavior",
    "Function": "awslambda.function",
    "FunctionRunner": "awslambda.runner",
    "LocalCloud": "server",
    "Settings": "settings",
}


def __getattr__(name: str) -> object:
    # Imported at first use: moto takes most of a second.
    if name in _HOMES:
        from importlib import import_module

        return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
