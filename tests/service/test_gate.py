"""The way in beside our own keys: tokens of an issuer, limits of requests, where the service may listen, headers."""

import asyncio
import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from agents.completion import Usage
from service.auth import Keys
from service.auth.exposure import UnsafeBinding, check_exposure, is_loopback
from service.auth.key_text import Unauthorized
from service.auth.rates import RateLimited, Rates
from service.auth.tokens import ExternalTokens
from service.database import migrate, tenants, usage
from service.database.engine import open_database
from service.database.tables import new_id
from service.database.writer import Write
from service.settings import InvalidSettings, Settings, WebSettings, load
from service.settings import Issuer as trusted_issuer
from tests.conftest import ENVIRONMENT, Server, start_server

EVERYWHERE = "0.0.0.0"  # noqa: S104


class Issuer:
    """A real OpenID Connect issuer, as far as verifiers see it: its discovery document and its keys."""

    def __init__(self) -> None:
        self.keys: dict[str, Any] = {}
        self.asked: list[str] = []
        issuer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                issuer.asked.append(self.path)
                answers = {
                    "/.well-known/openid-configuration": {"issuer": issuer.url, "jwks_uri": issuer.url + "/keys"},
                    "/keys": {"keys": [issuer.published(name) for name in issuer.keys]},
                }
                body = json.dumps(answers[self.path]).encode()
                self.send_response(200)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_port}"
        threading.Thread(target=self.http.serve_forever, daemon=True).start()

    def published(self, name: str) -> dict[str, Any]:
        key = self.keys[name].public_key()
        algorithm: Any = (
            jwt.algorithms.RSAAlgorithm if isinstance(key, rsa.RSAPublicKey) else jwt.algorithms.ECAlgorithm
        )
        return {**json.loads(algorithm.to_jwk(key)), "kid": name, "use": "sig"}

    def token(self, name: str = "one", **claims: Any) -> str:
        told = {"iss": self.url, "aud": "consilia", "sub": "u-1", "exp": time.time() + 60, **claims}
        algorithm = "RS256" if isinstance(self.keys[name], rsa.RSAPrivateKey) else "ES256"
        told = {name: value for name, value in told.items() if value is not None}
        return jwt.encode(told, self.keys[name], algorithm=algorithm, headers={"kid": name})


@pytest.fixture(scope="module")
def issuer() -> Iterator[Issuer]:
    made = Issuer()
    made.keys["one"] = rsa.generate_private_key(65537, 2048)
    yield made
    made.http.shutdown()
    made.http.server_close()


@pytest.fixture(scope="module")
def guarded(issuer: Issuer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A service that trusts the issuer, lets a page call it, and limits requests."""
    trusted = {
        "url": issuer.url,
        "audience": "consilia",
        "roles": {"lawyers": "operator"},
        "leeway_seconds": 0,
        "again_seconds": 1,
    }
    server = start_server(
        tmp_path_factory.mktemp("guarded") / "var",
        CONSILIA_AUTH__ISSUERS=json.dumps([{**trusted, "roles_claim": "realm.roles"}]),
        CONSILIA_WEB__ALLOW_ORIGINS='["https://chat.example"]',
        CONSILIA_LIMITS__KEY_REQUESTS_PER_MINUTE="1000",
        CONSILIA_LIMITS__UNAUTHORIZED_PER_MINUTE="40",
        CONSILIA_LIMITS__HEADER_SECONDS="1",
        CONSILIA_LIMITS__BODY_SECONDS="1",
        CONSILIA_LIMITS__READ_SECONDS="1",
    )
    yield server
    server.process.terminate()
    server.process.wait(20)


@pytest.fixture
def ask(guarded: Server) -> Callable[[str], httpx.Response]:
    def asked(token: str, path: str = "/threads/search") -> httpx.Response:
        return httpx.post(f"{guarded.url}{path}", json={}, headers={"authorization": f"Bearer {token}"}, timeout=30)

    return asked


def test_a_token_s_scopes_and_roles_open_what_ours_open(issuer: Issuer, ask: Callable[..., httpx.Response]):
    reader = issuer.token(scope="openid consilia:read consilia:nonsense")
    assert ask(reader).status_code == 200
    assert ask(reader, "/threads").status_code == 403
    operator = issuer.token(realm={"roles": ["lawyers", "others"]})
    assert ask(operator, "/threads").status_code == 200
    nothing = ask(issuer.token(scope="openid"))
    assert (nothing.status_code, nothing.json()["code"]) == (403, "not_permitted")


def test_keys_that_the_issuer_rotates_in_are_found_and_asked_for_once(
    issuer: Issuer, ask: Callable[..., httpx.Response]
):
    assert ask(issuer.token(scope="consilia:read")).status_code == 200
    asked = len(issuer.asked)
    assert ask(issuer.token(scope="consilia:read")).status_code == 200
    assert len(issuer.asked) == asked, "the keys are kept"
    issuer.keys["two"] = ec.generate_private_key(ec.SECP256R1())
    deadline = time.monotonic() + 15
    while ask(issuer.token("two", scope="consilia:read")).status_code != 200:
        assert time.monotonic() < deadline
        time.sleep(0.2)
    assert len(issuer.asked) == asked + 2


async def test_a_stream_ends_when_the_token_that_opened_it_expires(issuer: Issuer, guarded: Server):
    ends = time.time() + 4
    short = issuer.token(realm={"roles": ["lawyers"]}, exp=ends)
    async with httpx.AsyncClient(base_url=guarded.url, timeout=40) as http:
        http.headers["authorization"] = f"Bearer {short}"
        thread = (await http.post("/threads", json={})).json()["thread_id"]
        async with http.stream("GET", f"/threads/{thread}/stream") as stream:
            assert stream.status_code == 200
            told = [line async for line in stream.aiter_lines()]
        assert time.time() >= ends, "it was open till then"
        assert [line for line in told if line and not line.startswith(":")] == [], "and said nothing"
        assert (await http.get(f"/threads/{thread}")).status_code == 401


async def test_while_the_issuer_is_away_its_keys_go_on_and_no_others_come(tmp_path: Path):
    """The verifier itself, over a short life of the keys: an issuer that stops answering, and comes back."""
    away = Issuer()
    away.keys["one"] = ec.generate_private_key(ec.SECP256R1())
    trusted = trusted_issuer(url=away.url, audience="consilia", keys_seconds=0.01, again_seconds=0.01, leeway_seconds=5)
    url = f"sqlite:///{tmp_path / 'a.db'}"
    async with open_database(url) as database, httpx.AsyncClient(timeout=2) as client:
        await migrate.upgrade(database.engine)
        tokens = ExternalTokens(database, [trusted], client)
        known = away.token(scope="consilia:read")
        assert (await tokens.caller(known)).scopes == ("read",)
        late = await tokens.caller(away.token(scope="consilia:read", exp=time.time() - 2))
        assert late.good_until is not None
        assert late.good_until > time.time(), "clocks may differ by the leeway"
        with pytest.raises(Unauthorized, match="expired"):
            await tokens.caller(away.token(exp=time.time() - 9))
        away.keys["two"] = ec.generate_private_key(ec.SECP256R1())
        away.http.shutdown()
        away.http.server_close()
        await asyncio.sleep(0.05)
        assert (await tokens.caller(known)).scopes == ("read",), "the keys it once gave are believed"
        with pytest.raises(Unauthorized, match="does not publish"):
            await tokens.caller(away.token("two", scope="consilia:read"))
        for kid in ("", "three", None):
            forged = jwt.encode({"iss": away.url}, away.keys["two"], algorithm="ES256", headers={"kid": kid or "x"})
            with pytest.raises(Unauthorized):
                await tokens.caller(forged)


def _none(issuer: Issuer) -> str:
    return jwt.encode(
        {"iss": issuer.url, "aud": "consilia", "sub": "u", "exp": time.time() + 60}, None, algorithm="none"
    )


def _confused(issuer: Issuer) -> str:
    """Signed with HMAC, the secret being the public key: the classic confusion of algorithms."""
    claims = {"iss": issuer.url, "aud": "consilia", "sub": "u", "exp": time.time() + 60}
    secret = issuer.published("one")["n"].encode()
    return jwt.encode(claims, secret, algorithm="HS256", headers={"kid": "one"})


@pytest.mark.parametrize(
    ("forged", "told"),
    [
        (lambda issuer: issuer.token(exp=time.time() - 5), "expired"),
        (lambda issuer: issuer.token(aud="another"), "Audience"),
        (lambda issuer: issuer.token(iss="https://evil.example"), "trusts"),
        (lambda issuer: issuer.token(sub=None), "sub"),
        (lambda issuer: issuer.token(exp=None), "exp"),
        (lambda issuer: issuer.token(nbf=time.time() + 60), "not yet valid"),
        (lambda issuer: issuer.token()[:-8] + "AAAAAAAA", "Signature"),
        (_none, "algorithm"),
        (_confused, "algorithm"),
        (lambda issuer: "not.a.token", "can be read"),
        (lambda issuer: "e" * 20_000, "characters"),
    ],
)
def test_a_forged_or_foreign_token_is_refused(
    issuer: Issuer, ask: Callable[..., httpx.Response], forged: Callable[[Issuer], str], told: str
):
    response = ask(forged(issuer))
    assert response.status_code == 401
    assert told in response.json()["detail"]


@pytest.mark.parametrize("limit", [1, 7, 60, 6000])
def test_a_bucket_lets_a_minute_s_worth_come_at_once_and_then_evenly(limit: int):
    moment = 1000.0
    rates = Rates(lambda: moment)
    for number in range(limit):
        assert rates.take("key", "a", limit).left == limit - number - 1
    with pytest.raises(RateLimited) as refused:
        rates.take("key", "a", limit)
    assert 0 < refused.value.details["retry_after"] <= max(1, 60 / limit + 1)  # pyright: ignore[reportOperatorIssue]
    assert rates.take("key", "b", limit).left == limit - 1, "others have their own"
    moment += 60 / limit
    rates.take("key", "a", limit)
    with pytest.raises(RateLimited):
        rates.take("key", "a", limit)


def test_limits_are_told_in_headers_and_end_in_429(guarded: Server):
    environment = {**ENVIRONMENT, "CONSILIA_DATA_DIR": str(guarded.data_dir)}
    command = [sys.executable, "-m", "service.cli", "keys", "create", "slow", "--role", "viewer", "--per-minute", "2"]
    made = json.loads(subprocess.run([*command, "--json"], env=environment, capture_output=True, check=True).stdout)
    headers = {"x-api-key": made["key"]}
    answers = [httpx.post(f"{guarded.url}/threads/count", json={}, headers=headers) for _ in range(3)]
    assert [each.status_code for each in answers] == [200, 200, 429]
    assert answers[0].headers["ratelimit-policy"] == '"key";q=2;w=60'
    assert answers[0].headers["ratelimit"].startswith('"key";r=1;t=')
    assert answers[2].json()["code"] == "rate_limited"
    assert 1 <= int(answers[2].headers["retry-after"]) <= 30
    chat = httpx.get(f"{guarded.url}/v1/models", headers={"authorization": f"Bearer {made['key']}"})
    assert (chat.status_code, chat.json()["error"]["type"]) == (429, "rate_limit_error"), "/v1 has the same limits"


def test_every_answer_has_headers_for_browsers_and_only_named_origins_may_call(guarded: Server):
    for path in ("/ok", "/nothing-here", "/threads"):
        answer = httpx.get(guarded.url + path)
        assert answer.headers["content-security-policy"] == "default-src 'none'; frame-ancestors 'none'"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["x-frame-options"] == "DENY"
        assert answer.headers["cache-control"] == "no-store"
        assert "server" not in answer.headers
    asked = {"access-control-request-method": "POST", "access-control-request-headers": "x-api-key"}
    for origin, allowed in (("https://chat.example", True), ("https://evil.example", False)):
        preflight = httpx.options(f"{guarded.url}/runs", headers={**asked, "origin": origin})
        assert (preflight.headers.get("access-control-allow-origin") == origin) is allowed
        assert "access-control-allow-credentials" not in preflight.headers


def test_an_address_that_guesses_keys_is_shut_out_for_a_while(guarded: Server):
    with httpx.Client(base_url=guarded.url) as http:
        statuses = (http.get("/files/x", headers={"x-api-key": "csl_x"}).status_code for _ in range(400))
        assert next(each for each in statuses if each != 401) == 429
        assert http.get("/v1/models", headers={"x-api-key": guarded.key}).status_code == 200, "a good key is let in"


@pytest.mark.parametrize(
    ("host", "loopback"),
    [
        *((host, True) for host in ("127.0.0.1", "::1", "[::1]", "localhost", "127.9.9.9")),
        *((host, False) for host in (EVERYWHERE, "::", "10.0.0.1", "", "consilia.internal")),
    ],
)
def test_only_loopback_counts_as_this_machine_alone(host: str, loopback: bool):
    assert is_loopback(host) is loopback
    settings = Settings(host=host)
    if loopback:
        check_exposure(settings, 0)
        return
    with pytest.raises(UnsafeBinding, match=r"consilia keys create.*trusted_proxies"):
        check_exposure(settings, 0)
    with pytest.raises(UnsafeBinding, match="trusted_proxies"):
        check_exposure(settings, 1)
    behind = Settings(host=host, web=WebSettings(trusted_proxies=["10.0.0.0/8"]))
    with pytest.raises(UnsafeBinding, match="keys create"):
        check_exposure(behind, 0)
    check_exposure(behind, 1)


def test_serve_refuses_to_be_open_to_the_network(tmp_path: Path):
    environment = {**os.environ, **ENVIRONMENT, "CONSILIA_DATA_DIR": str(tmp_path / "var"), "COLUMNS": "900"}
    command = [sys.executable, "-m", "service.cli", "serve", "--host", EVERYWHERE, "--port", "0"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)
    assert done.returncode == 2
    assert "unsafe_binding" in done.stderr
    assert "consilia keys create" in done.stderr


@pytest.mark.parametrize(
    "text",
    [
        '[[auth.issuers]]\nurl = "http://login.example"\naudience = "a"',
        '[[auth.issuers]]\nurl = "https://login.example"',
        '[web]\nallow_origins = ["*"]',
        '[web]\ntrusted_proxies = ["everybody"]',
    ],
)
def test_settings_that_would_open_a_hole_stop_the_start(text: str, tmp_path: Path):
    (tmp_path / "consilia.toml").write_text(text)
    with pytest.raises(InvalidSettings):
        load(tmp_path / "consilia.toml")


async def test_a_budget_that_is_used_up_stops_new_runs_and_says_so(guarded: Server):
    database_url = f"sqlite:///{guarded.data_dir / 'consilia.db'}"
    async with open_database(database_url) as database:
        tenant = await tenants.create(database, "spender", {"tokens_per_month": 1000})
        key = (await Keys(database, guarded.data_dir).create("spender", ["admin"], tenant["tenant_id"])).key
        before = datetime.now(UTC).replace(day=1, hour=0, minute=0, second=0) - timedelta(seconds=1)
        for moment, tokens in ((before, 5000), (datetime.now(UTC), 400)):
            await database.writer.write(_chat(tenant["tenant_id"], moment, tokens))
        headers = {"x-api-key": key}
        run = {"assistant_id": "contract_review", "input": {"file_id": "none"}}
        async with httpx.AsyncClient(base_url=guarded.url, headers=headers, timeout=30) as http:
            assert (await http.post("/runs", json=run)).status_code == 200, "last month's do not count"
            await database.writer.write(_chat(tenant["tenant_id"], datetime.now(UTC), 600))
            budget = (await http.get("/tenants/spender/budget")).json()  # which reads anew what was spent
            assert (budget["tokens"], budget["tokens_limit"], budget["used_up"]) == (1000, 1000, True)
            refused = await http.post("/runs", json=run)
            assert (refused.status_code, refused.json()["code"]) == (402, "budget_used_up")
            assert "1,000 of 1,000 tokens" in refused.json()["detail"]
            chat = await http.post("/v1/chat/completions", json={"messages": [{"role": "user", "content": "hi"}]})
            assert (chat.status_code, chat.json()["error"]["code"]) == (402, "budget_used_up")
            await tenants.change(database, tenant["tenant_id"], {"tokens_per_month": 2000})
            deadline = time.monotonic() + 5
            while (await http.post("/runs", json=run)).status_code != 200:
                assert time.monotonic() < deadline
                await asyncio.sleep(0.2)


def _chat(tenant_id: str, moment: datetime, tokens: int) -> Write:
    """What a chat through /v1 took."""
    row: dict[str, Any] = {
        "call_id": new_id(), "tenant_id": tenant_id, "key_id": "k", "asked": "auto", "model": "m", "adapter": None,
        "endpoint": None, "reasons": [], "thinking": False, "streamed": False, "finish": "stop", "error": None,
        "started_at": moment, "duration_ms": 1.0, "ttft_ms": None,
    }  # fmt: skip
    return usage.chat_call(row, Usage(tokens_in=tokens - 100, tokens_out=100))


def _connect(server: Server, receive: int | None = None) -> socket.socket:
    url = httpx.URL(server.url)
    opened = socket.socket()
    if receive is not None:
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive)
    opened.connect((url.host, url.port))
    opened.settimeout(15)
    return opened


def _all(opened: socket.socket) -> bytes:
    """What comes until the other side hangs up."""
    got = b""
    with suppress(ConnectionResetError):
        while piece := opened.recv(65_536):
            got += piece
    return got


def test_headers_that_drip_in_or_never_end_are_refused(guarded: Server):
    with closing(_connect(guarded)) as dripping:
        begun = time.monotonic()
        dripping.sendall(b"GET /ok HTTP/1.1\r\nhost: x\r\n")
        for _ in range(4):
            time.sleep(0.2)
            dripping.sendall(b"a: b\r\n")
        answer = _all(dripping)
        assert answer.startswith(b"HTTP/1.1 408 "), answer
        assert json.loads(answer.partition(b"\r\n\r\n")[2])["code"] == "request_too_slow"
        assert time.monotonic() - begun < 5
    with closing(_connect(guarded)) as silent:
        assert _all(silent) == b""
    endless = b"GET /ok HTTP/1.1\r\nhost: x\r\n" + b"".join(b"h%d: %s\r\n" % (n, b"x" * 1000) for n in range(90))
    many = b"GET /ok HTTP/1.1\r\nhost: x\r\n" + b"a: b\r\n" * 300
    for request in (endless, endless + b"\r\n", many + b"\r\n", b"GET /" + b"a" * 80_000):
        with closing(_connect(guarded)) as opened:
            with suppress(ConnectionError):
                opened.sendall(request)
            assert _all(opened).startswith(b"HTTP/1.1 431 ")
    assert httpx.get(f"{guarded.url}/ok", headers={"x-long": "y" * 8000}).status_code == 200


def test_a_body_that_stops_half_way_and_an_answer_that_nobody_reads_end_the_connection(guarded: Server):
    head = f"POST /threads HTTP/1.1\r\nhost: x\r\nx-api-key: {guarded.key}\r\ncontent-type: application/json\r\n"
    with closing(_connect(guarded)) as halting:
        begun = time.monotonic()
        halting.sendall(head.encode() + b"content-length: 100\r\n\r\n{")
        assert _all(halting) == b""
        assert time.monotonic() - begun < 5
    with httpx.Client(base_url=guarded.url, headers={"x-api-key": guarded.key}, timeout=30) as http:
        large = os.urandom(16_000_000)
        file = http.post("/files", files={"file": ("large.txt", large)}).json()["file_id"]
        assert http.get(f"/files/{file}").content == large
    with closing(_connect(guarded, receive=4096)) as deaf:
        deaf.sendall(f"GET /files/{file} HTTP/1.1\r\nhost: x\r\nx-api-key: {guarded.key}\r\n\r\n".encode())
        time.sleep(2.5)
        assert 0 < len(_all(deaf)) < len(large)
