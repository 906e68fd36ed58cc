"""A server behind a URL: the SDK's Streamable HTTP transport over a client that is guarded and bounded.

Every request goes to an address that was checked, redirects are not followed, and an answer's bytes are counted. What
goes wrong with one request becomes that request's JSON-RPC error: an exception would end the session, and with it the
calls of others.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import Any, Final, cast

import httpx2
from mcp.client.auth.extensions.client_credentials import ClientCredentialsOAuthProvider
from mcp.shared.auth import OAuthClientInformationFull, OAuthToken
from mcp_types import INTERNAL_ERROR

from tools.addresses import literal, resolved
from tools.errors import ConsiliaError
from tools.host.settings import ServerSettings

FORGOTTEN: Final = "consilia/forgotten"
"""Key in a JSON-RPC error's data that says: the server does not know the session (any more), and has done nothing."""

UNREACHED: Final = "consilia/unreached"
"""Key in a JSON-RPC error's data that says: the server has not got the request."""

_PARTING: Final = 2.0
"""Seconds for telling a server that its session is over."""


class GuardedClient(httpx2.AsyncClient):
    """An HTTP client for one server. Its `send` never raises for what the network does: it answers 502 itself."""

    def __init__(self, name: str, settings: ServerSettings, headers: Mapping[str, str], connect_seconds: float) -> None:
        timeout = httpx2.Timeout(connect_seconds, read=None, pool=None)
        super().__init__(
            headers={"accept-encoding": "identity", **headers},
            auth=_oauth(settings),
            timeout=timeout,
            follow_redirects=False,
            trust_env=False,
            transport=_Guard(name, settings),
        )

    async def send(self, request: httpx2.Request, **options: Any) -> httpx2.Response:
        try:
            async with asyncio.timeout(_PARTING if request.method == "DELETE" else None):
                response = await super().send(request, **options)
            if response.status_code == 404 and "mcp-session-id" in request.headers:  # MCP, Session Management
                await response.aclose()
                return _fault(request, "the server does not know the session", FORGOTTEN)
            return response
        except httpx2.ConnectError as error:
            return _fault(request, f"it cannot be reached: {error}", UNREACHED)
        except ConsiliaError as error:
            return _fault(request, error.message, UNREACHED)
        except (httpx2.HTTPError, OSError) as error:
            return _fault(request, f"{type(error).__name__}: {error}")
        except Exception as error:  # the OAuth flow raises errors of its own, and none may end the session
            return _fault(request, f"authorization failed: {type(error).__name__}: {error}", UNREACHED)


class _Guard(httpx2.AsyncBaseTransport):
    """Resolves, checks and pins the address of each request; refuses redirects; counts what comes back."""

    def __init__(self, name: str, settings: ServerSettings) -> None:
        self._name = name
        self._networks = settings.networks()
        self._most = settings.result_bytes
        self._inner = httpx2.AsyncHTTPTransport(trust_env=False)

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        url = request.url
        port = url.port or (443 if url.scheme == "https" else 80)
        setting = f"tools.servers.{self._name}.allow_networks"
        address = await resolved(url.host, port, self._networks, f"server {self._name!r}:", setting)
        request.extensions = {**request.extensions, "sni_hostname": url.host}
        request.url = url.copy_with(host=literal(address).strip("[]"))  # the Host header keeps the name
        response = await self._inner.handle_async_request(request)
        request.url = url
        if 300 <= response.status_code < 400 and response.status_code != 304:
            await response.aclose()
            where = httpx2.URL(response.headers.get("location", "")).copy_with(userinfo=b"", query=None, fragment=None)
            return _fault(request, f"it redirects to {where}, which is not followed; configure that URL if it is meant")
        if response.headers.get("content-encoding", "identity") != "identity":  # its true size is not told by its bytes
            await response.aclose()
            return _fault(request, "it answered compressed, although that was not accepted")
        response.stream = _Counted(cast(httpx2.AsyncByteStream, response.stream), self._most)
        return response

    async def aclose(self) -> None:
        await self._inner.aclose()


class AnswerTooLarge(httpx2.StreamError):
    """An answer of more bytes than a result may have."""


class AnswerBroken(httpx2.StreamError):
    """The connection broke in the middle of an answer."""


class _Counted(httpx2.AsyncByteStream):
    """A body that ends with an error beyond `most` bytes (and a kibibyte for the envelope)."""

    def __init__(self, inner: httpx2.AsyncByteStream, most: int) -> None:
        self._inner = inner
        self._left = most + 1024
        self._most = most

    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            async for chunk in self._inner:
                self._left -= len(chunk)
                if self._left < 0:
                    raise AnswerTooLarge(f"it answered with more than {self._most:,} bytes")
                yield chunk
        except httpx2.TransportError as error:
            raise AnswerBroken(f"the connection broke: {type(error).__name__}") from error

    async def aclose(self) -> None:
        await self._inner.aclose()


def _fault(request: httpx2.Request, why: str, kind: str | None = None) -> httpx2.Response:
    error: dict[str, Any] = {"code": INTERNAL_ERROR, "message": why[:500], "data": {kind: True} if kind else None}
    return httpx2.Response(502, json={"jsonrpc": "2.0", "id": None, "error": error}, request=request)


class _Tokens:
    """The SDK's token storage, in memory: a token lives as long as the session."""

    def __init__(self) -> None:
        self._tokens: OAuthToken | None = None
        self._client: OAuthClientInformationFull | None = None

    async def get_tokens(self) -> OAuthToken | None:
        return self._tokens

    async def set_tokens(self, tokens: OAuthToken) -> None:
        self._tokens = tokens

    async def get_client_info(self) -> OAuthClientInformationFull | None:
        return self._client

    async def set_client_info(self, client_info: OAuthClientInformationFull) -> None:
        self._client = client_info


def _oauth(settings: ServerSettings) -> httpx2.Auth | None:
    told = settings.oauth
    if told is None:
        return None
    return ClientCredentialsOAuthProvider(
        server_url=settings.url,
        storage=_Tokens(),
        client_id=told.client_id,
        client_secret=told.client_secret.read(),
        scope=told.scope,
        issuer=told.issuer,
    )
