"""Whether the service may listen where the settings say: beyond loopback only with keys, and behind TLS."""

from ipaddress import ip_address

from service.settings import Settings
from tools.errors import ConsiliaError


class UnsafeBinding(ConsiliaError):
    """The service would be open to a network without what protects it."""

    code = "unsafe_binding"
    status = 500


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach the address. A name other than localhost counts as reachable."""
    if host == "localhost":
        return True
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def check_exposure(settings: Settings, living_keys: int) -> None:
    """Raises UnsafeBinding, with all that is to be done, for an address that others can reach.

    living_keys: how many keys let somebody in; a trusted issuer of tokens does as well.
    """
    if is_loopback(settings.host):
        return
    lacking: list[str] = []
    if not living_keys and not settings.auth.issuers:
        lacking.append("there is no key yet: make one with `consilia keys create NAME --role admin`")
    if not settings.web.trusted_proxies:
        lacking.append(
            "keys would cross the network in the clear: put a proxy that ends TLS in front and name its network, "
            'web.trusted_proxies = ["10.0.0.0/8"] (CONSILIA_WEB__TRUSTED_PROXIES=\'["10.0.0.0/8"]\')'
        )
    if lacking:
        raise UnsafeBinding(
            f"{settings.host} can be reached from other machines, and " + "; and ".join(lacking) + ". To try it out on "
            "this machine alone, bind 127.0.0.1 (docs/security.md)",
            host=settings.host,
        )
