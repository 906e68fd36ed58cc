"""The one way in: a credential becomes a caller, within the limits of its key, its tenant and its address."""

from dataclasses import dataclass, field, replace

from service.auth.caller import Caller
from service.auth.exposure import is_loopback
from service.auth.key_text import Unauthorized
from service.auth.keys import Keys
from service.auth.leases import LeasedRates
from service.auth.rates import Rates, Standing
from service.settings import Settings

EXPOSED = {"key": 6000, "tenant": 30_000, "address": 60}
"""Requests a minute where the service listens beyond loopback and the settings say nothing."""


@dataclass(slots=True)
class Gate:
    """Use one a process, for every request whatever it speaks. shared: the buckets of all processes, on PostgreSQL."""

    keys: Keys
    settings: Settings
    shared: LeasedRates | None = None
    rates: Rates = field(default_factory=Rates)

    async def enter(self, credential: str | None, address: str) -> tuple[Caller, list[Standing]]:
        """Whose credential it is, and how its limits stand after this request.

        address: the client's. Raises Unauthorized, RateLimited.
        """
        try:
            caller = replace(await self.keys.caller(credential), address=address)
        except Unauthorized:
            if guesses := self._limit("address", self.settings.limits.unauthorized_per_minute):
                await self._take("address", address, guesses)  # a good key from there is let in all the same
            raise
        limits = self.settings.limits
        of_key = caller.requests_per_minute or self._limit("key", limits.key_requests_per_minute)
        of_tenant = caller.tenant_requests_per_minute or self._limit("tenant", limits.tenant_requests_per_minute)
        standings: list[Standing] = []
        if of_key:
            standings.append(await self._take("key", caller.key_id, of_key))
        if of_tenant:
            standings.append(await self._take("tenant", caller.tenant_id, of_tenant))
        return caller, standings

    async def _take(self, name: str, who: str, limit: int) -> Standing:
        if self.shared is not None:
            return await self.shared.take(name, who, limit)
        return self.rates.take(name, who, limit)

    def _limit(self, name: str, said: int | None) -> int:
        """The limit that holds, 0 for none."""
        if said is not None:
            return said
        return 0 if is_loopback(self.settings.host) else EXPOSED[name]
