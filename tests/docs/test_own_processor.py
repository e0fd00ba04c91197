"""The processor in docs/own-processor.md runs, and the tool reads its lines."""

from __future__ import annotations

import base64
import re
from pathlib import Path
from typing import Any

from mysfits_stream.clicks import delivered
from mysfits_stream.config import ProcessorConfig
from mysfits_stream.provision.own_processor import package_of
from tests.support.scripted_mysfits import envelope, event

PAGE = (Path(__file__).parents[2] / "docs" / "own-processor.md").read_text(encoding="utf-8")
CLICK = {"userId": "ada", "mysfitId": "m-1"}


def test_the_example_is_packed_and_its_lines_are_read(tmp_path: Path) -> None:
    [code] = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    (tmp_path / "shop.py").write_text(code)
    assert package_of(ProcessorConfig(source=str(tmp_path / "shop.py")), tmp_path / "cache")
    module: dict[str, Any] = {}
    exec(code, module)  # noqa: S102 - our own page
    batch = event(envelope([CLICK, CLICK | {"clickId": "click-id-1"}]), b"{", b"[]")
    record, *unreadable = module["handler"](batch, None)["records"]
    assert [each["result"] for each in unreadable] == ["ProcessingFailed"] * 2
    assert record["result"] == "Ok"
    first, second = map(delivered.parse, base64.b64decode(record["data"]).splitlines())
    tail = {"kind": "click", "clickedAt": "2017-05-18T02:02:24.453Z"}
    assert first == {**CLICK, **tail, "clickId": "request-1:0", "requestId": "request-1"}
    assert second
    assert second["clickId"] == "click-id-1"
