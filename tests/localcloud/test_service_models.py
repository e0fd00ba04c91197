"""Models of services are read once, for the local cloud and for moto."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from botocore.exceptions import UnknownServiceError
from botocore.loaders import Loader
from moto.core.utils import get_service_model

from mysfits_stream.localcloud import service_models, simulated
from mysfits_stream.localcloud.control_plane import moto_state
from mysfits_stream.localcloud.service_models import description, extended, service_model

assert moto_state.VERSION  # moto is patched


def test_threads_share_one_model() -> None:
    with ThreadPoolExecutor(8) as pool:
        models = set(pool.map(lambda _: id(service_model("glue")), range(8)))
    assert len(models) == 1


def test_a_model_has_all_operations_and_shapes_and_no_texts() -> None:
    found, full = description("logs"), Loader().load_service_model("logs", service_models.KIND)
    assert found["operations"].keys() == full["operations"].keys()
    assert found["shapes"].keys() == full["shapes"].keys()
    assert "'documentation'" in str(full) and "'documentation'" not in str(found)


def test_an_unknown_service_is_botocores_error() -> None:
    with pytest.raises(UnknownServiceError):
        service_model("not-a-service")


def test_an_extension_shares_what_does_not_change() -> None:
    document: dict[str, Any] = {"operations": {"A": {"http": 1}, "B": {"http": 2}}, "shapes": {"S": {}}}
    found = extended(document, {"operations": {"A": {"output": 3}, "C": {}}})
    assert found["operations"] == {"A": {"http": 1, "output": 3}, "B": {"http": 2}, "C": {}}
    assert found["operations"]["B"] is document["operations"]["B"] and found["shapes"] is document["shapes"]
    assert document["operations"] == {"A": {"http": 1}, "B": {"http": 2}}


@pytest.mark.parametrize("service", ["iam", "lambda", "logs", "firehose", "s3", "sns"])
def test_moto_has_the_operations_that_reach_it(service: str) -> None:
    model = get_service_model(service)
    assert set(simulated.operations(service)) <= set(model.operation_names)
    for name in model.operation_names:
        assert model.operation_model(name).http


def test_moto_keeps_its_own_additions_to_s3() -> None:
    assert "BucketCORSPreflightCheck" in get_service_model("s3").operation_names
    assert get_service_model("s3").operation_model("DeleteObjects").output_shape is not None


def test_moto_has_every_operation_of_a_service_that_is_not_listed() -> None:
    assert len(get_service_model("dynamodb").operation_names) == len(description("dynamodb")["operations"])


def test_the_documents_of_models_are_shared_with_moto() -> None:
    shape = get_service_model("iam")._shape_resolver._shape_map["Role"]  # type: ignore[attr-defined]
    assert shape is description("iam")["shapes"]["Role"]
