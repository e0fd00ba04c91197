"""What pages of other sites can do to the local cloud: use the open routes only."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest

from tests.localcloud.test_server import click_pipeline
from tests.support.cloud import CloudUnderTest

from .network import Files, website
from .visiting import Visitor

SCOPE = "a/20260101/eu-west-1/{}/aws4_request"
DELETE_STREAM = (
    f"/restapis/a/_user_request_?X-Amz-Credential={SCOPE.format('firehose')}",
    '{"DeliveryStreamName":"clicks","x":"&Action=DeleteDeliveryStream&"}',
)
DELETE_POLICY = (
    f"/?X-Amz-Credential={SCOPE.format('iam')}",
    "Action=DeleteRolePolicy&RoleName=api&PolicyName=access&Version=2010-05-08",
)
# An attack is JavaScript with `cloud`, the URL of the local cloud; the browser may refuse it, too.
ATTACKS = {
    "fetch": """async cloud => {
        for (const [path, body] of POSTS)
            await fetch(cloud + path, {method: 'POST', mode: 'no-cors', body,
                headers: {'Content-Type': 'application/x-www-form-urlencoded'}}).catch(() => 0);
    }""",
    "fetch with a preflight": """async cloud => {
        for (const method of ['PUT', 'DELETE', 'PATCH'])
            await fetch(cloud + '/clicks/key', {method, headers: {'X-Amz-Target': 'x'}}).catch(() => 0);
    }""",
    "images": """async cloud => {
        for (const [path, body] of GETS) await new Promise(done => {
            const image = new Image();
            image.onload = image.onerror = done;
            image.src = cloud + path + (path.includes('?') ? '&' : '?') + body;
        });
    }""",
    "scripts and styles": """async cloud => {
        for (const [path] of GETS) for (const [tag, key] of [['script', 'src'], ['link', 'href']])
            await new Promise(done => {
                const element = document.createElement(tag);
                element.rel = 'stylesheet';
                element.onload = element.onerror = done;
                element[key] = cloud + path;
                document.head.append(element);
            });
    }""",
    "forms": """async cloud => {
        for (const [path, body] of POSTS) for (const enctype of ['text/plain', 'multipart/form-data',
            'application/x-www-form-urlencoded']) await new Promise(done => {
            const frame = document.createElement('iframe');
            frame.name = 'f' + Math.random();
            document.body.append(frame);
            const form = document.createElement('form');
            Object.assign(form, {method: 'POST', action: cloud + path, target: frame.name, enctype});
            for (const [name, value] of new URLSearchParams(body)) {
                const input = document.createElement('input');
                Object.assign(input, {name, value});
                form.append(input);
            }
            document.body.append(form);
            frame.onload = done;
            form.submit();
            setTimeout(done, 2000);
        });
    }""",
    "beacons": """async cloud => {
        for (const [path, body] of POSTS) {
            navigator.sendBeacon(cloud + path, body);
            navigator.sendBeacon(cloud + path, new URLSearchParams(body));
        }
        await fetch(cloud + '/_mysfits/mysfits');
    }""",
    "frames": """async cloud => {
        for (const [path, body] of GETS) await new Promise(done => {
            const frame = document.createElement('iframe');
            frame.onload = frame.onerror = done;
            frame.src = cloud + path + (path.includes('?') ? '&' : '?') + body;
            document.body.append(frame);
        });
    }""",
    "a websocket": """async cloud => {
        for (const path of ['/', '/_local/stop', '/_local/faults']) await new Promise(done => {
            const socket = new WebSocket(cloud.replace('http', 'ws') + path);
            socket.onopen = () => document.title = 'opened';
            socket.onclose = socket.onerror = done;
        });
    }""",
}
UNSEEN = ("fetch with a preflight", "a websocket", "images", "scripts and styles")
"""Attacks whose answers the browser keeps from the page and from its debugger."""

ADMINISTRATION = [("/_local/reset", ""), ("/_local/stop", ""), ("/%6doto-api/reset", "")]
FAULT = ("/_local/faults", '{"operation": "PutRecord", "times": 1000, "status": 500}')
POSTS = [DELETE_STREAM, DELETE_POLICY, *ADMINISTRATION, FAULT]
GETS = [DELETE_POLICY, *ADMINISTRATION, ("/2015-03-31/functions/processor/invocations", ""), ("/", "")]


@contextmanager
def attacker(host: str) -> Iterator[str]:
    """The URL of a page of another site: on another port of 127.0.0.1, named ``host``."""
    page: Files = {"/": ("text/html", b"<!doctype html><title>evil</title><body>")}
    with website(page) as origin:
        yield origin.replace("127.0.0.1", host)


@pytest.mark.parametrize("attack", ATTACKS)
@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_a_page_of_another_site_changes_nothing(
    local_cloud: CloudUnderTest, visitor: Visitor, attack: str, host: str
) -> None:
    click_pipeline(local_cloud)
    cloud = local_cloud.cloud
    before = cloud.control_plane.changes
    answers: list[int] = []
    visitor.page.on(
        "response",
        lambda answer: answers.append(answer.status) if answer.url.startswith(cloud.endpoint) else None,
    )
    with attacker(host) as url:
        visitor.page.goto(url)
        constants = f"const POSTS = {json.dumps(POSTS)}, GETS = {json.dumps(GETS)};"
        visitor.page.evaluate(
            f"(cloud) => {{ {constants} return ({ATTACKS[attack]})(cloud); }}", cloud.endpoint
        )
        assert visitor.page.title() == "evil"
        refused = [status for status in answers if status != 200]
        assert refused or attack in UNSEEN
        assert set(refused) <= {403}
        # The page reaches the local cloud: what is open to every site, it can read.
        assert (
            visitor.page.evaluate(
                "async url => (await fetch(url)).status", f"{cloud.endpoint}/_mysfits/mysfits"
            )
            == 200
        )
    assert cloud.control_plane.changes == before
    assert cloud.faults.rules == []
    assert local_cloud.client("firehose").list_delivery_streams()["DeliveryStreamNames"] == ["clicks"]
    assert local_cloud.client("iam").list_role_policies(RoleName="api")["PolicyNames"] == ["access"]


@pytest.mark.parametrize("path", ["/_local/faults", "/_site/clicks.json", "/", "/_local/reset"])
def test_a_link_from_another_site_leads_to_open_routes_only(
    local_cloud: CloudUnderTest, visitor: Visitor, path: str
) -> None:
    with attacker("localhost") as url:
        visitor.page.goto(url)
        with visitor.page.expect_navigation() as navigation:
            visitor.page.evaluate("url => { location.href = url; }", local_cloud.endpoint + path)
        answer = navigation.value
        assert answer is not None and answer.status == 403
        visitor.page.goto(url)
        with visitor.page.expect_navigation() as navigation:
            visitor.page.evaluate("url => { location.href = url; }", f"{local_cloud.endpoint}/_site/")
        answer = navigation.value
        assert answer is not None and answer.status == 200


def test_a_listed_origin_may_call(local_cloud: CloudUnderTest, visitor: Visitor) -> None:
    cloud = local_cloud.cloud
    before = cloud.settings
    with attacker("localhost") as url:
        cloud.settings = replace(before, allowed_origins=(url.rstrip("/"),))
        try:
            visitor.page.goto(url)
            visitor.page.evaluate(
                "async url => { await fetch(url, {method: 'POST', mode: 'no-cors', body: BODY}); }".replace(
                    "BODY", json.dumps(FAULT[1])
                ),
                cloud.endpoint + FAULT[0],
            )
            assert [rule.operation for rule in cloud.faults.rules] == ["PutRecord"]
        finally:
            cloud.settings = before
            cloud.faults.clear()
