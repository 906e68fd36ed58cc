"""Which network addresses may be called on behalf of somebody who named a URL (server-side request forgery).

One rule for webhooks and tool servers. A name is resolved once, every address that it has must be public (or in a
network that the settings allow), and the connection goes to the address that was checked: a name that resolves to
something else a moment later (DNS rebinding) gains nothing.
"""

import asyncio
from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final

from tools.errors import ConsiliaError

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

_NAT64: Final = ip_network("64:ff9b::/96")
"""RFC 6052: the last 32 bits are an IPv4 address, which must be judged itself."""


class AddressRefused(ConsiliaError):
    """An address that is not public and in no network that the settings allow."""

    code = "address_refused"
    status = 422


def objection(address: Address, allowed: Sequence[Network]) -> str | None:
    """Why an address may not be called ("loopback", "link-local", "not public"), or None when it may.

    Public is what IANA's special-purpose registries call globally reachable, without multicast. An IPv4 address inside
    an IPv6 one (mapped, 6to4, Teredo, NAT64) is judged as itself.
    """
    inner = _inside(address)
    if any(each.version == known.version and each in known for each in (address, inner) for known in allowed):
        return None
    if inner.is_global and not inner.is_multicast:
        return None
    return "loopback" if inner.is_loopback else "link-local" if inner.is_link_local else "not public"


async def resolved(host: str, port: int, allowed: Sequence[Network], what: str, setting: str) -> Address:
    """The address to call for a name or literal. Raises AddressRefused, in whose message `what` is the subject and
    `setting` the remedy, and OSError where the name has no address."""
    try:
        addresses = [ip_address(host)]
    except ValueError:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=1)
        addresses = [ip_address(str(each[4][0]).split("%")[0]) for each in found]
    for address in addresses:
        kind = objection(address, allowed)
        if kind is not None:
            raise AddressRefused(
                f"{what} address {address} is {kind}; {setting} can allow its network", address=str(address)
            )
    return addresses[0]


def literal(address: Address) -> str:
    """The address as a URL has it."""
    return f"[{address}]" if address.version == 6 else str(address)


def _inside(address: Address) -> Address:
    if isinstance(address, IPv4Address):
        return address
    if address in _NAT64:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour or (address.teredo or (None, None))[1] or address
