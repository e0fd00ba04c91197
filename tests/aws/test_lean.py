"""Fast sessions find botocore's data and run botocore's handlers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from botocore.awsrequest import AWSResponse
from botocore.loaders import Loader

from mysfits_stream.aws import lean

KINDS = ("service-2", "endpoint-rule-set-1", "paginators-1")


@pytest.mark.parametrize("service", ["apigateway", "firehose", "iam", "lambda", "logs", "s3", "sts"])
def test_the_data_of_a_service_is_botocores(service: str) -> None:
    ours, theirs = lean.configured(None), Loader()
    for kind in KINDS:
        assert ours.load_service_model(service, kind) == theirs.load_service_model(service, kind)


def test_a_service_of_another_directory_is_found_first(tmp_path: Path) -> None:
    folder = tmp_path / "sts" / "2011-06-15"
    folder.mkdir(parents=True)
    model = {"metadata": {"serviceId": "STS"}, "operations": {}, "shapes": {}}
    (folder / "service-2.json").write_text(json.dumps(model))
    assert lean.configured(str(tmp_path)).load_service_model("sts", "service-2") == model
    assert lean.built_in().load_service_model("sts", "service-2") != model


def test_an_unknown_service_is_refused() -> None:
    with pytest.raises(Exception, match="Unknown service: 'sprockets'"):
        lean.built_in().load_service_model("sprockets", "service-2")


def test_a_handler_under_a_former_name_of_a_service_runs() -> None:
    session = lean.session()
    session.set_credentials("x", "x")
    asked: list[str] = []

    def answer(request: Any, **_: Any) -> Any:
        asked.append(request.headers["X-Amz-Target"].decode())
        headers: Any = {}
        response: Any = AWSResponse(request.url, 200, headers, None)
        response._content = b'{"logGroups": []}'
        return response

    register: Any = session.register
    register("before-send.logs.DescribeLogGroups", answer)
    logs: Any = session.create_client("logs", region_name="eu-west-1")
    assert logs.describe_log_groups()["logGroups"] == []
    assert asked == ["Logs_20140328.DescribeLogGroups"]
