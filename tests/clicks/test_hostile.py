"""Hostile clicks stay data: refused at the edge, or stored as what they are."""

from __future__ import annotations

import json
import random
from collections import Counter

import pytest

from mysfits_stream.clicks import failed
from mysfits_stream.clicks.delivered import ParseProblems
from tests.support.ledger import ATTRIBUTES, Ledger, Pipeline

STORED = {
    "path traversal": "../../../etc/passwd",
    "an encoded path": "..%2f..%2fetc%2fpasswd",
    "a template's utility": "$util.base64Encode('x')",
    "a template's directive": "#set($input = 1) #if(true) $input.json('$') #end",
    "a template's reference": "${input.body} $!x $context.identity.sourceIp $stageVariables.x",
    "a template's comment": "## a comment #* and another *# \\$x \\#set",
    "a script": "<script>alert('x')</script><img src=x onerror=alert(1)>",
    "quotes": "\"'\\`\\\"\\'",
    "line ends": "one\ntwo\r\nthree\u2028four\u2029",
    "an injected record": '"}\n{"userId": "forged", "mysfitId": "m-1"}\n',
    "control characters": "\x00\x01\x1b[2J\x7f",
    "beyond the basic plane": "𝔘𝔫𝔦𝔠𝔬𝔡𝔢 💥 👩‍👩‍👧",
    "right to left": "\u202eabc\u202c \u200b\ufeff",
    "combining": "Z̸̢͓a̵l̷g̶o̴",
    "as long as may be": "x" * 128,
    "spaces": "   ",
    "a formula": "=cmd|' /C calc'!A0",
    "SQL": "'; DROP TABLE clicks; --",
    "JNDI": "${jndi:ldap://127.0.0.1/x}",
}

REFUSED = {
    "a path for a mysfit": '{"userId": "u", "mysfitId": "../m-1"}',
    "an encoded path for a mysfit": '{"userId": "u", "mysfitId": "..%2fm-1"}',
    "a template for a mysfit": '{"userId": "u", "mysfitId": "$util.escapeJavaScript(1)"}',
    "a mysfit in other letters": '{"userId": "u", "mysfitId": "ｍ１"}',
    "too long a mysfit": json.dumps({"userId": "u", "mysfitId": "m" * 65}),
    "too long a user": json.dumps({"userId": "u" * 129, "mysfitId": "m-1"}),
    "no user": '{"userId": "", "mysfitId": "m-1"}',
    "a number for a user": '{"userId": 1, "mysfitId": "m-1"}',
    "an object for a user": '{"userId": {"$ne": null}, "mysfitId": "m-1"}',
    "more than a click": '{"userId": "u", "mysfitId": "m-1", "__proto__": {"goodevil": "good"}}',
    "another's attributes": '{"userId": "u", "mysfitId": "m-1", "species": "Forged"}',
    "deep nesting": "[" * 5_000 + "]" * 5_000,
    "a deep user": '{"userId": ' + "[" * 500 + "]" * 500 + ', "mysfitId": "m-1"}',
    "an array of arrays": '[[{"userId": "u", "mysfitId": "m-1"}]]',
    "no clicks at all": "[]",
    "too many clicks": json.dumps([{"userId": "u", "mysfitId": "m-1"}] * 101),
    "one bad click among good ones": '[{"userId": "u", "mysfitId": "m-1"}, {"userId": "u"}]',
    "no JSON": "userId=u&mysfitId=m-1",
    "half of a click": '{"userId": "u", "mysfitId": "m-1"',
    "a click and more": '{"userId": "u", "mysfitId": "m-1"} {"userId": "u", "mysfitId": "m-1"}',
    "nothing": "",
    "null": "null",
    "a huge body": json.dumps({"userId": "u" * 5_000_000, "mysfitId": "m-1"}),
    "a body beyond API Gateway's limit": json.dumps({"userId": "u" * 11_000_000, "mysfitId": "m-1"}),
}


@pytest.mark.slow
def test_hostile_clicks_are_refused_at_the_edge_or_stored_verbatim(pipeline: Pipeline) -> None:
    ledger = Ledger(pipeline, random.Random(0))  # noqa: S311 - repeatable, not secret
    with ledger.browser as browser:
        for reason, body in REFUSED.items():
            answer = browser.put(
                ledger.url, data=body.encode(), headers={"Content-Type": "application/json"}, timeout=60
            )
            assert answer.status_code in (400, 413), reason
            # What is too large even to be looked at gets no headers of ours (F104).
            readable = answer.headers.get("Access-Control-Allow-Origin") == "*"
            assert readable or answer.status_code == 413, reason
        for reason, user in STORED.items():
            assert ledger.put({"userId": user, "mysfitId": "m-1"}) == 200, reason
        assert ledger.put([{"userId": user, "mysfitId": "m-2"} for user in STORED.values()]) == 200
    ledger.settle()
    assert ledger.delivered() == dict.fromkeys(STORED.values(), 2)
    assert not ledger.failed()
    for content in pipeline.objects("firehose/").values():
        for line in content.split(b"\n")[:-1]:
            record = json.loads(line)
            assert list(record) == [
                "userId",
                "mysfitId",
                *ATTRIBUTES,
                "name",
                "clickedAt",
                "clickId",
                "requestId",
            ]
            assert {key: record[key] for key in ATTRIBUTES} == ATTRIBUTES


PAST_THE_EDGE = {
    "a mysfit that ends with a newline": b'{"userId": "u", "mysfitId": "m-1\\n"}',
    "a user said twice": b'{"userId": "u", "userId": "v", "mysfitId": "m-1"}',
    "a path for a mysfit": b'{"userId": "u", "mysfitId": "../../admin"}',
    "no UTF-8": b'{"userId": "\xff", "mysfitId": "m-1"}',
    "no JSON": b"#set($x = 1)",
    "nothing": b"",
    "deep nesting": b"[" * 100_000,
    "NaN": b'{"userId": NaN, "mysfitId": "m-1"}',
    "an array with one bad click": b'[{"userId": "u", "mysfitId": "m-1"}, 5]',
    "a large record": b"x" * 900_000,
}


@pytest.mark.slow
def test_what_gets_onto_the_stream_and_is_no_click_fails_and_is_kept_verbatim(pipeline: Pipeline) -> None:
    ledger = Ledger(pipeline, random.Random(0))  # noqa: S311 - repeatable, not secret
    for data in PAST_THE_EDGE.values():
        pipeline.target.clients.firehose.put_record(
            DeliveryStreamName=pipeline.names.stream, Record={"Data": data}
        )
    ledger.settle()
    ledger.browser.close()
    assert not ledger.delivered()
    kept = failed.read(ledger.bucket, None, ledger.now, ParseProblems())
    assert Counter(each.data for each in kept) == Counter(PAST_THE_EDGE.values())
