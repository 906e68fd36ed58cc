"""Webhooks through a real service and a real receiver: signed, retried, durable, and never into a private network."""

import asyncio
import base64
import hashlib
import hmac
import socket
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.runs.webhooks import Courier, InvalidWebhook, check_address, checked_url
from service.settings import WebhookSettings
from tests.conftest import Server, start_server
from tests.service.hosting import declared, stop
from tests.service.receiving import Receiver, receiving

SECRET = "whsec_" + base64.b64encode(b"k" * 32).decode()
QUICK = {
    "CONSILIA_WEBHOOKS__SECRET": SECRET,
    "CONSILIA_WEBHOOKS__BACKOFF_SECONDS": "0.2",
    "CONSILIA_WEBHOOKS__TIMEOUT_SECONDS": "2",
    "CONSILIA_WEBHOOKS__ATTEMPTS": "3",
    "CONSILIA_WEBHOOKS__ALLOW_NETWORKS": '["127.0.0.0/8"]',
}


def _start(folder: Path, **environment: str) -> Server:
    graphs = declared(folder / "graphs")
    return start_server(folder / "var", CONSILIA_LANGGRAPH_JSON=str(graphs), **environment)


@pytest.fixture(scope="module")
def hosted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = _start(tmp_path_factory.mktemp("hosted"), **QUICK)
    yield server
    stop(server)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as found:
        yield found


def _until(reached: Callable[[], bool], seconds: float = 15) -> None:
    deadline = time.monotonic() + seconds
    while not reached():
        assert time.monotonic() < deadline, "it did not come to pass"
        time.sleep(0.05)


def _run(server: Server, assistant: str, webhook: str, **more: Any) -> httpx.Response:
    body = {"assistant_id": assistant, "input": {"log": []}, "webhook": webhook, **more}
    return httpx.post(f"{server.url}/runs/wait", json=body, headers={"x-api-key": server.key}, timeout=30)


def _verified(receiver: Receiver, number: int) -> bool:
    """Whether the signature holds, computed as the documentation says."""
    headers, body = receiver.headers[number], receiver.bodies[number]
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    expected = base64.b64encode(hmac.new(b"k" * 32, signed, hashlib.sha256).digest()).decode()
    return headers["webhook-signature"] == f"v1,{expected}"


def test_the_receiver_gets_the_run_with_its_result_signed(hosted: Server, receiver: Receiver):
    answer = _run(hosted, "slow", f"{receiver.url}/hook?tenant=1", metadata={"order": 7})
    _until(lambda: len(receiver.bodies) == 1)
    told = receiver.json()
    assert told["status"] == "success"
    assert told["values"] == answer.json() == {"log": ["first", "waited", "last"]}
    assert told["metadata"]["order"] == 7
    assert told["run_id"] in answer.headers["content-location"]
    assert told["run_started_at"] <= told["run_ended_at"]
    assert receiver.paths == ["/hook?tenant=1"]
    assert receiver.headers[0]["host"] == receiver.url.removeprefix("http://")
    assert abs(int(receiver.headers[0]["webhook-timestamp"]) - time.time()) < 10
    assert _verified(receiver, 0)


def test_a_failed_run_is_told_with_its_error(hosted: Server, receiver: Receiver):
    _run(hosted, "failing", receiver.url)
    _until(lambda: len(receiver.bodies) == 1)
    assert receiver.json()["status"] == "error"
    assert receiver.json()["error"] == {"error": "ValueError", "message": "a planned failure"}


def test_a_run_that_waits_for_a_person_is_told_too(hosted: Server, receiver: Receiver):
    _run(hosted, "asking", receiver.url)
    _until(lambda: len(receiver.bodies) == 1)
    assert receiver.json()["status"] == "interrupted"


def test_a_refused_call_is_made_again_with_the_same_id_and_a_fresh_signature(hosted: Server, receiver: Receiver):
    receiver.answers = [500, 503, 200]
    _run(hosted, "slow", receiver.url)
    _until(lambda: len(receiver.bodies) == 3)
    assert len({headers["webhook-id"] for headers in receiver.headers}) == 1
    assert all(_verified(receiver, number) for number in range(3))
    time.sleep(0.6)
    assert len(receiver.bodies) == 3


def test_it_is_given_up_after_so_many_attempts(hosted: Server, receiver: Receiver):
    receiver.answers = [500]
    _run(hosted, "slow", receiver.url)
    _until(lambda: len(receiver.bodies) == 3)
    time.sleep(1.5)
    assert len(receiver.bodies) == 3


def test_a_redirect_is_not_followed(hosted: Server, receiver: Receiver):
    with receiving() as elsewhere:
        receiver.answers, receiver.location = [307, 302, 301], elsewhere.url
        _run(hosted, "slow", receiver.url)
        _until(lambda: len(receiver.bodies) == 3)
        time.sleep(0.3)
        assert elsewhere.bodies == []


def test_a_crash_between_the_end_of_the_run_and_its_webhook_loses_nothing(tmp_path: Path):
    with receiving() as receiver:
        receiver.answers = [500]
        server = _start(tmp_path, **{**QUICK, "CONSILIA_WEBHOOKS__ATTEMPTS": "20"})
        _run(server, "slow", receiver.url)
        server.process.kill()
        server.process.wait(20)
        seen = len(receiver.bodies)
        receiver.answers = [200]
        again = _start(tmp_path, **{**QUICK, "CONSILIA_WEBHOOKS__ATTEMPTS": "20"})
        try:
            _until(lambda: len(receiver.bodies) > seen, seconds=45)  # an attempt under way is leased for 34 s
            assert receiver.json(-1)["status"] == "success"
        finally:
            stop(again)


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/x",
        "http://localhost:9/x",
        "http://a.localhost/",
        "http://[::1]/",
        "http://10.1.2.3/",
        "http://192.168.1.1/",
        "http://172.16.0.1/",
        "http://169.254.169.254/latest/meta-data",
        "http://100.64.0.1/",
        "http://0.0.0.0/",
        "http://224.0.0.1/",
        "http://[::ffff:127.0.0.1]/",
        "http://[64:ff9b::7f00:1]/",
        "http://[2002:7f00:1::]/",
        "http://[fd00::1]/",
        "http://[fe80::1]/",
        "ftp://example.org/",
        "file:///etc/passwd",
        "/runs",
        "zz",
        "https://user:password@example.org/",
        "https://example.org:0/",
        "https://example.org:99999/",
        "http://[zz]/",
        "https://" + "a" * 5000,
    ],
)
def test_a_url_that_may_not_be_called_is_refused_when_the_run_is_asked_for(server: Server, url: str):
    answer = _run(server, "contract_review", url)
    assert answer.status_code == 422, answer.text
    assert answer.json()["code"] == "invalid_webhook"


@pytest.mark.parametrize("host", ["2130706433", "0x7f000001", "0177.0.0.1", "127.1", "0xa9fea9fe", "①②⑦.0.0.1"])
async def test_an_address_in_disguise_is_refused_at_the_call(host: str):
    """Forms that inet_aton and IDNA take for an address: they are resolved as names, and judged by what they mean."""
    for kind in (f"http://{host}/", f"https://{host}:8443/x"):
        courier = Courier(None, WebhookSettings(), b"k")  # pyright: ignore[reportArgumentType]
        with pytest.raises((InvalidWebhook, OSError)):
            await courier._pinned(urlsplit(checked_url(kind, WebhookSettings())))


def test_a_name_that_means_a_private_address_is_refused_at_the_call(tmp_path: Path):
    """A name is judged at each attempt; this machine's own name means loopback or a private address."""
    name = socket.gethostname()
    addresses = {each[4][0] for each in socket.getaddrinfo(name, 80, type=socket.SOCK_STREAM)}
    if any(ip_address(str(each).split("%")[0]).is_global for each in addresses):
        pytest.skip("this machine's name has a public address")
    server = _start(tmp_path, CONSILIA_WEBHOOKS__ATTEMPTS="1")
    try:
        assert _run(server, "slow", f"http://{name}:9/").status_code == 200

        def recorded() -> list[tuple[str, str]]:
            with closing(sqlite3.connect(server.data_dir / "consilia.db")) as database:
                return database.execute(
                    "SELECT status, last_error FROM webhook_deliveries WHERE status != 'pending'"
                ).fetchall()

        _until(lambda: len(recorded()) == 1)
        [(status, error)] = recorded()
        assert status == "failed"
        assert "webhooks.allow_networks" in error
    finally:
        stop(server)


@given(st.integers(0, 2**32 - 1))
def test_an_ipv4_address_is_judged_the_same_inside_ipv6(number: int):
    """Mapped, NAT64 and 6to4 forms lead to the same machine, so they are allowed or refused alike."""

    def refused(address: Any) -> bool:
        try:
            check_address(address, WebhookSettings())
        except InvalidWebhook:
            return True
        return False

    plain = refused(ip_address(number))
    assert refused(ip_address((0xFFFF << 32) | number)) == plain
    assert refused(ip_address((0x64FF9B << 96) | number)) == plain
    assert refused(ip_address((0x2002 << 112) | (number << 80))) == plain


def test_a_network_that_the_settings_allow_may_be_called():
    allowed = WebhookSettings(allow_networks=["10.1.0.0/16"])
    assert checked_url("http://10.1.2.3/", allowed)
    with pytest.raises(InvalidWebhook):
        checked_url("http://10.2.2.3/", allowed)


def test_the_address_that_was_checked_is_the_one_that_is_called(monkeypatch: pytest.MonkeyPatch):
    """A name that means a public address when it is checked and loopback a moment later (DNS rebinding)."""
    answers = iter(["93.184.215.14", "127.0.0.1"])

    async def pinned() -> str:
        loop = asyncio.get_running_loop()

        async def resolve(host: str, port: int, **_: Any) -> list[Any]:
            return [(2, 1, 6, "", (next(answers), port))]

        monkeypatch.setattr(loop, "getaddrinfo", resolve)
        courier = Courier(None, WebhookSettings(), b"k")  # pyright: ignore[reportArgumentType]
        url, host = await courier._pinned(urlsplit("https://rebinding.example.org/hook"))
        assert host == "rebinding.example.org"
        return str(url)

    assert asyncio.run(pinned()) == "https://93.184.215.14/hook"
