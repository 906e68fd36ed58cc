"""The model servers of this installation; with none configured, the embedded engine."""

import asyncio
import hashlib
import time
from collections import deque
from collections.abc import Collection
from dataclasses import replace
from types import TracebackType
from typing import Any, Final, Self

import aiohttp
import structlog

from agents.demand import Candidate
from agents.dialects import DIALECTS, Dialect
from agents.endpoint import Endpoint
from agents.exchange import Call, Exchange, Try
from agents.faults import InvalidPool, ModelBusy, ModelFull, UnknownPoolModel
from agents.opening import check, learn
from agents.pool_settings import PoolModel, PoolSettings
from agents.probing import count_tokens, look
from agents.routing import Needs, NoModelAvailable, Route, route
from agents.signals import Failure, Signals, token_bound
from tools.documents.languages import language_of
from tools.errors import ConsiliaError

log = structlog.get_logger(__name__)

_LEAST_RETRIES: Final = 10.0
_COUNTS_KEPT: Final = 256


class Pool:
    """Opened once a process, as an async context manager; asked through `agents.ask`, `agents.chat_model` and /v1.

    Opening looks at every endpoint and raises InvalidPool for a model that none serves.
    """

    def __init__(self, settings: PoolSettings | None = None) -> None:
        self.settings = settings or PoolSettings()
        self.models: dict[str, PoolModel] = {model.name: model for model in self.settings.models}
        self._endpoints: dict[str, list[Endpoint]] = {}
        self._queues: dict[str, deque[asyncio.Future[None]]] = {name: deque() for name in self.models}
        self._session: aiohttp.ClientSession | None = None
        self._watch: asyncio.Task[None] | None = None
        self._changed = asyncio.Event()
        self._retries = _LEAST_RETRIES
        self.opened_at = time.time()
        self._counted: dict[str, int] = {}
        self._lost_until: dict[str, float] = {}
        self.without_budget: set[str] = set()
        self._candidates: list[Candidate] | None = None

    @property
    def embedded(self) -> bool:
        """Whether no model is configured."""
        return not self.models

    @property
    def session(self) -> aiohttp.ClientSession:
        assert self._session is not None, "the pool is open"
        return self._session

    async def __aenter__(self) -> Self:
        if self.embedded:
            return self
        for model in self.models.values():
            self._endpoints[model.name] = [self._endpoint(model, url) for url in model.endpoints]
        # trust_env stays off: a proxy of the environment must not see what is asked. Cookies are not kept.
        connector = aiohttp.TCPConnector(limit=0, ttl_dns_cache=60)
        self._session = aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar())
        try:
            await check(self._session, self._endpoints, self.settings)
        except BaseException:
            await self._session.close()
            raise
        self._watch = asyncio.create_task(self._keep_looking(), name="pool health")
        # The first use of the language detector loads its models, half a second that no answer should wait for.
        await asyncio.to_thread(language_of, "Wat is dit voor een taal, en wie spreekt haar?")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._watch is not None:
            self._watch.cancel()
            await asyncio.gather(self._watch, return_exceptions=True)
        if self._session is not None:
            await self._session.close()

    def route(self, needs: Needs, signals: Signals | None = None, only: str | None = None) -> Route:
        """Who answers a question with these needs, and why; models without an available endpoint are passed over.

        only: the one model that may answer, where somebody named it.

        Raises NoCapableModel, NoModelAvailable, EscalationExhausted.
        """
        now, signals = time.monotonic(), signals or Signals()
        down = [
            Failure(name, "unavailable")
            for name, endpoints in self._endpoints.items()
            if now < self._lost_until.get(name, 0.0) or not any(endpoint.available(now) for endpoint in endpoints)
        ]
        if signals.full:  # a question that moves goes where room is
            down += [Failure(name, "full") for name in self.models if not self._roomy(name)]
        known = replace(signals, failures=(*signals.failures, *down))
        named = self._model(only).name if only else None
        candidates = [each for each in self.candidates() if named in (None, each.name)]
        return route(needs, candidates, known, self.settings.routing)

    def elsewhere(self, needs: Needs, signals: Signals, full: str, only: str | None = None) -> bool:
        """Whether another model than the full one could answer now, and has room."""
        moved = replace(signals, failures=(*signals.failures, Failure(full, "full")))
        try:
            found = self.route(needs, moved, only).model
        except ConsiliaError:
            return False
        return found != full and self._roomy(found)

    def _roomy(self, name: str) -> bool:
        now = time.monotonic()
        return not self._queues[name] and any(e.available(now) and e.has_room(now) for e in self._endpoints[name])

    async def routed(self, needs: Needs, signals: Signals | None = None, only: str | None = None) -> Route:
        """Like `route`, but waits for a model to come back, for `outage_seconds`."""
        deadline = time.monotonic() + self.settings.outage_seconds
        while True:
            try:
                return self.route(needs, signals, only)
            except NoModelAvailable:
                left = deadline - time.monotonic()
                if left <= 0:
                    raise
                self._changed.clear()
                try:
                    await asyncio.wait_for(self._changed.wait(), min(left, self.settings.health_seconds))
                except TimeoutError:
                    continue

    def candidates(self) -> list[Candidate]:
        """The models as routing sees them: with the context that their servers take and the adapters they have."""
        if self._candidates is None:
            self._candidates = self._learned()
        return self._candidates

    def _learned(self) -> list[Candidate]:
        found: list[Candidate] = []
        for name, model in self.models.items():
            endpoints = self._endpoints.get(name, [])
            told = [each for each in (model.context, *(each.context for each in endpoints)) if each is not None]
            context = min(told) if told else None
            loaded = [each for each in model.adapters if not endpoints or any(each in e.adapters for e in endpoints)]
            found.append(Candidate(name, model.facts, context, tuple(loaded)))
        return found

    def exchange(self, call: Call) -> Exchange:
        """A request to a model; iterate over its `pieces()`."""
        self._model(call.model)
        self._retries = min(_LEAST_RETRIES + 90, self._retries + self.settings.retry_share)
        return Exchange(self, call)

    def dialect(self, name: str) -> Dialect:
        """How the model's servers want to be asked."""
        return DIALECTS[self._model(name).dialect]

    async def tokens(self, text: str, enough: int) -> tuple[int, bool]:
        """(tokens of a text, whether they were counted). Below `enough` the bound by bytes will do; above it the
        servers that can are asked to count, and the largest count holds."""
        bound = token_bound(text)
        if bound <= enough:
            return bound, False
        key = hashlib.blake2b(text.encode(), digest_size=16).hexdigest()
        if key in self._counted:
            return self._counted[key], True
        now = time.monotonic()
        up = [next((e for e in ends if e.available(now)), None) for ends in self._endpoints.values()]
        counts = await asyncio.gather(
            *(count_tokens(self.session, each, text, self.settings.silence_seconds) for each in up if each is not None)
        )
        exact = [count for count in counts if count is not None]
        if not exact:
            return bound, False
        if len(self._counted) >= _COUNTS_KEPT:
            self._counted.pop(next(iter(self._counted)))
        self._counted[key] = max(exact)
        return max(exact), True

    def status(self) -> dict[str, Any]:
        """What is known of every endpoint, for `consilia pool status` and the admin pages."""
        now = time.monotonic()
        return {
            "engine": "embedded" if self.embedded else "pool",
            "models": [
                {
                    "name": name,
                    "catalogue": model.facts.name,
                    "title": model.facts.title,
                    "dialect": model.dialect,
                    "queued": len(self._queues[name]),
                    "endpoints": [each.snapshot(now) for each in self._endpoints.get(name, [])],
                }
                for name, model in self.models.items()
            ],
        }

    def drain(self, url: str, draining: bool = True) -> None:
        """Send an endpoint no new requests from this process (or, with `draining` false, again).

        Raises UnknownPoolModel.
        """
        known = self.known_endpoint(url)
        for each in self._all():
            if each.url == known:
                each.draining = draining
        self._wake_all()

    def drain_only(self, urls: Collection[str]) -> None:
        """Send these endpoints no new requests, and all others again; a URL that the pool does not have is no fault."""
        changed = [each for each in self._all() if each.draining != (each.url in urls)]
        for each in changed:
            each.draining = not each.draining
            log.warning("endpoint drained" if each.draining else "endpoint taken back", endpoint=each.url)
        if changed:
            self._wake_all()

    def known_endpoint(self, url: str) -> str:
        """The URL as the configuration has it. Raises UnknownPoolModel."""
        known = [each.url for each in self._all()]
        if url.rstrip("/") not in known:
            raise UnknownPoolModel(f"the pool has no endpoint {url[:200]!r}; there are: {', '.join(known) or 'none'}")
        return url.rstrip("/")

    def _all(self) -> list[Endpoint]:
        return [each for endpoints in self._endpoints.values() for each in endpoints]

    async def seat(self, call: Call, lost: list[Try], deadline: float) -> Endpoint:
        """An endpoint with room: first come, first served. Raises ModelBusy (ModelFull where the question may move, and
        can), NoModelAvailable."""
        queue = self._queues[call.model]
        patience = time.monotonic() + self.settings.routing.overflow_seconds
        turn: asyncio.Future[None] | None = None
        try:
            while True:
                now = time.monotonic()
                ranked = self._ranked(call, lost, now)
                free = next((each for each in ranked if each.has_room(now)), None)
                my_turn = not queue if turn is None else queue[0] is turn
                if free is not None and my_turn:
                    return free
                if call.elsewhere and now >= patience and (turn is None or queue[0] is turn) and call.elsewhere():
                    raise ModelFull(f"every endpoint of {call.model!r} is full", model=call.model)
                if now >= deadline:
                    raise ModelBusy(
                        f"every endpoint of {call.model!r} was full for {self.settings.queue_seconds:g} s "
                        "(pool.queue_seconds); add an endpoint or try again later",
                        model=call.model,
                    )
                if turn is None:
                    if len(queue) >= self.settings.queue_length:
                        raise ModelBusy(
                            f"{len(queue)} questions wait for {call.model!r}, the most that pool.queue_length allows",
                            model=call.model,
                        )
                    turn = asyncio.get_running_loop().create_future()
                    queue.append(turn)
                if turn.done():
                    position = queue.index(turn)
                    turn = queue[position] = asyncio.get_running_loop().create_future()
                soonest = min((each.room_in(now) for each in ranked if each.room_in(now)), default=1.0)
                moves = patience - now if call.elsewhere and now < patience else soonest
                await asyncio.wait([turn], timeout=max(0.01, min(deadline - now, soonest, moves)))
        finally:
            if turn is not None:
                queue.remove(turn)
                self._wake(call.model)

    def rise(self, endpoint: Endpoint, mark: float) -> float:
        seconds = endpoint.end(mark, time.monotonic())
        self._wake(endpoint.model.name)
        return seconds

    def lost(self, name: str) -> None:
        """A question gave the model up: others are asked for a while."""
        self._lost_until[name] = time.monotonic() + self.settings.breaker_seconds

    def may_retry(self) -> bool:
        """Whether the retry budget has one left: a share of the requests, so that an outage is not made worse."""
        if self._retries < 1:
            return False
        self._retries -= 1
        return True

    def _ranked(self, call: Call, lost: list[Try], now: float) -> list[Endpoint]:
        """The endpoints that may be asked, best first: not those that were just lost, where there are others."""
        up = [each for each in self._endpoints[call.model] if each.available(now)]
        if call.adapter is not None:
            up = [each for each in up if call.adapter in each.adapters]
        if not up:
            told = "; ".join(f"{each.url}: {each.fault or 'draining'}" for each in self._endpoints[call.model])
            raise NoModelAvailable(
                f"model {call.model!r} has no endpoint that answers ({told}); see consilia pool status"
            )
        gone = {each.endpoint for each in lost}
        fresh = [each for each in up if each.url not in gone] or up
        if call.affinity is None:
            return sorted(fresh, key=lambda each: (each.load, each.requests))
        return sorted(fresh, key=lambda each: rendezvous(call.affinity or "", each.url), reverse=True)

    def _wake(self, name: str) -> None:
        queue = self._queues[name]
        if queue and not queue[0].done():
            queue[0].set_result(None)

    def _wake_all(self) -> None:
        for name in self._queues:
            self._wake(name)
        self._changed.set()

    def _model(self, name: str) -> PoolModel:
        if name not in self.models:
            known = ", ".join(self.models) or "none: the embedded engine answers"
            raise UnknownPoolModel(f"the pool has no model {name[:200]!r}; it has {known}", model=name[:200])
        return self.models[name]

    def _endpoint(self, model: PoolModel, url: str) -> Endpoint:
        headers = {"Content-Type": "application/json"}
        if model.api_key is not None:
            try:
                headers["Authorization"] = f"Bearer {model.api_key.read().get_secret_value()}"
            except ValueError as error:
                raise InvalidPool(f"pool.models {model.name!r}: {error}", model=model.name) from None
        return Endpoint(url, model, DIALECTS[model.dialect], self.settings, headers, model.served or "")

    async def _keep_looking(self) -> None:
        while True:
            await asyncio.sleep(self.settings.health_seconds)
            await asyncio.gather(
                *(self._look(each) for each in self._all()),
                return_exceptions=True,
            )
            self._wake_all()

    async def _look(self, endpoint: Endpoint) -> None:
        was = endpoint.healthy
        await look(self.session, endpoint, self.settings.connect_seconds)
        unseen = any(name not in endpoint.adapters for name in endpoint.model.adapters)  # one may be loaded meanwhile
        if endpoint.healthy and (not was or unseen):
            fault = await learn(self.session, endpoint, self.settings.connect_seconds)
            self._candidates = None
            if fault is not None and not was:  # it is well, but not what the configuration says
                endpoint.seen(False, fault)
        if was is not endpoint.healthy and was is not None:
            state = "is back" if endpoint.healthy else "is lost"
            log.warning(f"endpoint {state}", model=endpoint.model.name, endpoint=endpoint.url, fault=endpoint.fault)


def rendezvous(key: str, url: str) -> bytes:
    """The weight of an endpoint for a key: the highest has it, and losing one moves only its keys (Thaler and
    Ravishankar, Using name-based mappings to increase hit rates, IEEE/ACM ToN 6(1), 1998)."""
    return hashlib.blake2b(f"{key}\0{url}".encode(), digest_size=8).digest()
