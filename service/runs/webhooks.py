"""Calling a run's webhook at its end: durable, signed, retried, and never into the installation's own network.

The delivery is written in the transaction that ends the run, so a crash loses none; it is made at least once, and its
`webhook-id` is the same at each attempt, so that a receiver can tell a repetition. Headers and signature are those of
Standard Webhooks (https://www.standardwebhooks.com): HMAC-SHA-256 over "id.timestamp.body".

An address is resolved once for each attempt, every address that a name has must be public (or in a network that the
settings allow), and the connection goes to the address that was checked: a name that resolves to something else a
moment later (DNS rebinding) gains nothing. Redirects are not followed, since they would lead past the check.
"""

import asyncio
import base64
import hashlib
import hmac
import secrets
from datetime import datetime, timedelta
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self, cast
from urllib.parse import SplitResult, urlsplit

import httpx
import orjson
import structlog
from sqlalchemy import RowMapping
from sqlalchemy.exc import SQLAlchemyError

from service.database import webhooks
from service.database.engine import Database
from service.database.tables import now
from service.database.writer import Write
from service.runs.json import dumps
from service.runs.outcome import Outcome
from service.secret_files import secret_file
from service.settings import InvalidSettings, WebhookSettings
from service.telemetry.spans import CARRIER_KEY, delivery_span, undelivered
from tools.addresses import AddressRefused, literal, objection, resolved
from tools.errors import ConsiliaError

log = structlog.get_logger(__name__)

LONGEST_SLEEP: Final = 5.0
"""Seconds: another process may have died with a delivery, or have written one."""

AT_A_TIME: Final = 32
LONGEST_URL: Final = 4096


class InvalidWebhook(ConsiliaError):
    """A webhook URL that will not be called; the message says why."""

    code = "invalid_webhook"
    status = 422


def checked_url(url: str, settings: WebhookSettings) -> str:
    """The URL, if it may be a webhook: http or https, no user, no address inside. Raises InvalidWebhook.

    A name is not resolved here: what it means is checked at each attempt.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise InvalidWebhook(f"the webhook is no URL: {error}") from None
    if not url or len(url) > LONGEST_URL:
        raise InvalidWebhook(f"the webhook's URL has {len(url)} characters; 1 to {LONGEST_URL} are allowed")
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise InvalidWebhook("the webhook must be a whole URL that begins with http:// or https://")
    if parts.username is not None or parts.password is not None:
        raise InvalidWebhook("the webhook's URL must hold no user and no password")
    if port == 0:
        raise InvalidWebhook("the webhook's port must be 1 to 65535")
    try:
        address = ip_address(parts.hostname)
    except ValueError:
        if parts.hostname == "localhost" or parts.hostname.endswith(".localhost"):
            check_address(IPv4Address("127.0.0.1"), settings)
        return url
    check_address(address, settings)
    return url


def check_address(address: IPv4Address | IPv6Address, settings: WebhookSettings) -> None:
    """Raises InvalidWebhook for an address that is not public, unless the settings allow its network."""
    kind = objection(address, settings.networks())
    if kind is not None:
        raise InvalidWebhook(
            f"the webhook's address {address} is {kind}; webhooks.allow_networks can allow its network",
            address=str(address),
        )


def due(row: dict[str, Any], outcome: Outcome, *, sealed: bool) -> list[Write]:
    """The writes, for the transaction that ends a run, by which its webhook is called; none without a webhook.

    The body is that of the Agent Server: the run, its times, its final values, or its error.
    """
    kwargs = cast(dict[str, Any], row["kwargs"])
    url: str | None = kwargs.get("webhook")
    if not url:
        return []
    ended, error = now(), outcome.error
    body: dict[str, Any] = {
        "run_id": row["run_id"],
        "thread_id": row["thread_id"],
        "assistant_id": row["assistant_id"],
        "metadata": row["metadata"],
        "status": outcome.status,
        "kwargs": {"input": row["input"], **{key: value for key, value in kwargs.items() if key != "webhook"}},
        "multitask_strategy": row["multitask_strategy"],
        "created_at": row["created_at"],
        "updated_at": ended,
        "run_started_at": row["started_at"] or ended,
        "run_ended_at": ended,
        "webhook_sent_at": ended,
        "values": outcome.values or {},
        "error": {"error": error["type"], "message": error["message"]} if error else None,
    }
    return [webhooks.creation(row["tenant_id"], row["run_id"], url, dumps(body), sealed=sealed)]


def _carried(body: str) -> dict[str, str] | None:
    """The headers of the run's trace, which its kwargs hold."""
    return cast(dict[str, Any], orjson.loads(body)["kwargs"]).get(CARRIER_KEY)


def signing_key(settings: WebhookSettings, data_dir: Path) -> bytes:
    """The key that webhooks are signed with: the settings' one, else that of the data folder, made at the first call.

    A secret reads `whsec_` and the key in base64, as Standard Webhooks has it; any other text stands for itself.
    """
    secret = settings.secret.get_secret_value()
    if not secret:
        secret = secret_file(data_dir / "webhook-secret", _new_secret).decode()
    if not secret.startswith("whsec_"):
        return secret.encode()
    try:
        return base64.b64decode(secret.removeprefix("whsec_"), validate=True)
    except ValueError:
        raise InvalidSettings("webhooks.secret: what follows whsec_ is not base64") from None


def _new_secret() -> bytes:
    return b"whsec_" + base64.b64encode(secrets.token_bytes(32))


def signature(key: bytes, delivery_id: str, timestamp: int, body: bytes) -> str:
    """What the header `webhook-signature` says. timestamp: seconds since 1970."""
    signed = f"{delivery_id}.{timestamp}.".encode() + body
    return "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()


class Courier:
    """Makes the deliveries that are due, of whichever process. Use as an async context manager."""

    def __init__(self, database: Database, settings: WebhookSettings, key: bytes) -> None:
        self._database = database
        self._settings = settings
        self._key = key
        self._wake = asyncio.Event()
        self._stopping = False
        self._loop_task: asyncio.Task[None] | None = None
        self._underway: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        self._loop_task = asyncio.create_task(self._loop(), name="webhook courier")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop; an attempt that is under way is given up, and made again when its lease is over."""
        self._stopping = True
        self._wake.set()
        if self._loop_task is not None:
            await self._loop_task
        for task in self._underway:
            task.cancel()
        await asyncio.gather(*self._underway, return_exceptions=True)

    def changed(self) -> None:
        """A run with a webhook has ended here: look at once."""
        self._wake.set()

    async def _loop(self) -> None:
        timeout = self._settings.timeout_seconds
        async with httpx.AsyncClient(timeout=timeout, follow_redirects=False, trust_env=False) as client:
            while not self._stopping:
                self._wake.clear()
                pause = LONGEST_SLEEP
                try:
                    await self._start_due(client)
                    upcoming = await webhooks.next_due(self._database)
                    if upcoming is not None and len(self._underway) < AT_A_TIME:
                        pause = min(pause, max(0.05, (upcoming - now()).total_seconds()))
                except SQLAlchemyError as error:  # the database may be restarting; what is due stays due
                    log.warning("webhook deliveries could not be read", error_type=type(error).__name__)
                if self._stopping:
                    break
                try:
                    await asyncio.wait_for(self._wake.wait(), pause)
                except TimeoutError:
                    continue
            for task in self._underway:
                task.cancel()
            await asyncio.gather(*self._underway, return_exceptions=True)

    async def _start_due(self, client: httpx.AsyncClient) -> None:
        room = AT_A_TIME - len(self._underway)
        moment = now()
        lease = timedelta(seconds=2 * self._settings.timeout_seconds + 30)
        for delivery in await webhooks.due(self._database, moment, room) if room > 0 else ():
            if await webhooks.take(self._database, delivery, moment, lease):
                task = asyncio.create_task(self._attempt(client, delivery), name=f"webhook {delivery['run_id']}")
                self._underway.add(task)
                task.add_done_callback(self._done)

    def _done(self, task: "asyncio.Task[None]") -> None:
        self._underway.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("webhook attempt failed in an unforeseen way", error_type=type(error).__name__)
        self._wake.set()

    async def _attempt(self, client: httpx.AsyncClient, delivery: RowMapping) -> None:
        attempt = delivery["attempts"] + 1
        with delivery_span(_carried(delivery["body"]), delivery["run_id"], attempt) as (span, headers):
            fault = await self._fault(client, delivery, headers)
            if fault is not None:
                undelivered(span)
        if fault is None:
            await webhooks.delivered(self._database, delivery["delivery_id"])
            return
        again = self._again(attempt)
        log.warning("webhook failed", run_id=delivery["run_id"], attempt=attempt, reason=fault, given_up=again is None)
        await webhooks.failed(self._database, delivery["delivery_id"], fault, again)

    def _again(self, attempt: int) -> datetime | None:
        """When to try again after so many attempts: twice as late each time, within limits; None to give up."""
        if attempt >= self._settings.attempts:
            return None
        seconds = min(self._settings.backoff_seconds * 2 ** (attempt - 1), self._settings.longest_backoff_seconds)
        return now() + timedelta(seconds=seconds * (0.9 + 0.2 * secrets.randbelow(1000) / 1000))

    async def _fault(self, client: httpx.AsyncClient, delivery: RowMapping, traced: dict[str, str]) -> str | None:
        """Make one attempt; None when the receiver answered with success, else why not. traced: the trace's headers."""
        body = delivery["body"].encode()
        timestamp = int(now().timestamp())
        headers = {
            **traced,
            "content-type": "application/json",
            "user-agent": "Consilia",
            "webhook-id": delivery["delivery_id"],
            "webhook-timestamp": str(timestamp),
            "webhook-signature": signature(self._key, delivery["delivery_id"], timestamp, body),
        }
        try:
            async with asyncio.timeout(self._settings.timeout_seconds):
                parts = urlsplit(checked_url(delivery["url"], self._settings))
                target, host = await self._pinned(parts)
                request = client.build_request(
                    "POST", target, content=body, headers={**headers, "host": host}, timeout=None
                )
                request.extensions["sni_hostname"] = parts.hostname
                response = await client.send(request, stream=True)  # what it says is of no interest, however long
                await response.aclose()
        except InvalidWebhook as error:
            return error.message
        except TimeoutError:
            return f"no answer within {self._settings.timeout_seconds:g} s (webhooks.timeout_seconds)"
        except (httpx.HTTPError, OSError, UnicodeError) as error:
            return f"{type(error).__name__}: {error}"[:500]
        return None if response.is_success else f"the receiver answered {response.status_code}"

    async def _pinned(self, parts: SplitResult) -> tuple[httpx.URL, str]:
        """The URL with a checked address in place of its name, and the Host header. Raises InvalidWebhook, OSError."""
        assert parts.hostname is not None, "a webhook's URL was checked"
        port = parts.port or (443 if parts.scheme == "https" else 80)
        try:
            address = await resolved(
                parts.hostname, port, self._settings.networks(), "the webhook's", "webhooks.allow_networks"
            )
        except AddressRefused as refused:
            raise InvalidWebhook(refused.message, **refused.details) from None
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        name = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
        return httpx.URL(
            f"{parts.scheme}://{literal(address)}:{port}{path}"
        ), name if parts.port is None else f"{name}:{port}"
