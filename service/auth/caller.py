"""Callers, their scopes and roles.

Scopes: `read` sees runs, threads and files; `invoke` starts runs, `invoke:NAME` those of one workflow; `approve`
answers what a run asks a person, `approve:NAME` in one workflow; `admin` may do all of this in its tenant, and manages
its keys. An admin of the default tenant is the installation's: it also manages tenants, the pool and whatever concerns
everybody.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal

from service.database.tables import DEFAULT_TENANT
from tools.errors import ConsiliaError, InvalidInput

Role = Literal["viewer", "operator", "admin"]
Act = Literal["read", "invoke", "approve", "admin"]

ROLES: Final[dict[Role, tuple[str, ...]]] = {
    "viewer": ("read",),
    "operator": ("read", "invoke", "approve"),
    "admin": ("admin",),
}
"""The scopes of each role."""

CHAT: Final = "chat"
"""What stands in a scope for /v1, which runs no workflow: `invoke:chat`."""


class NotPermitted(ConsiliaError):
    """The caller's scopes do not include what was asked."""

    code = "not_permitted"
    status = 403


@dataclass(frozen=True, slots=True)
class Caller:
    """Who makes a request. key_id: of the key, or `token:` and the subject of an external issuer's token.

    requests_per_minute: the key's own limit and its tenant's; None where the settings' hold. good_until: when a token
    ends, seconds since 1970; None: for a key, which is looked up. address: from where the request came.
    """

    tenant_id: str
    key_id: str
    scopes: tuple[str, ...]
    name: str = ""
    requests_per_minute: int | None = None
    tenant_requests_per_minute: int | None = None
    good_until: float | None = None
    address: str = ""

    @property
    def role(self) -> Role:
        """The greatest role that the scopes fill."""
        if "admin" in self.scopes:
            return "admin"
        return "operator" if self.may("invoke") or self.may("approve") else "viewer"

    @property
    def runs_the_installation(self) -> bool:
        """Whether it may act on all tenants: an admin of the default one."""
        return "admin" in self.scopes and self.tenant_id == DEFAULT_TENANT

    def may(self, act: Act, workflow: str | None = None) -> bool:
        """Whether a scope allows the act, with this workflow; without one: with any at all."""
        if "admin" in self.scopes or act in self.scopes:
            return True
        if workflow is None:
            return any(scope.startswith(f"{act}:") for scope in self.scopes)
        return f"{act}:{workflow}" in self.scopes

    def require(self, act: Act, workflow: str | None = None) -> None:
        """Raises NotPermitted unless a scope allows the act."""
        if not self.may(act, workflow):
            wanted = act if workflow is None or act in ("read", "admin") else f"{act} or {act}:{workflow}"
            have = ", ".join(self.scopes) or "none"
            raise NotPermitted(
                f"this needs a key with the scope {wanted}; yours has: {have}", needed=act, scopes=list(self.scopes)
            )

    def require_installation(self) -> None:
        """Raises NotPermitted for all but admins of the default tenant."""
        if not self.runs_the_installation:
            raise NotPermitted(
                "this concerns the whole installation; it needs a key of the default tenant with the scope admin"
            )


def checked_scopes(scopes: Iterable[str], workflows: Iterable[str] | None = None) -> tuple[str, ...]:
    """The scopes without repetitions. workflows: the names there are, None to take any. Raises InvalidInput."""
    known = None if workflows is None else {*workflows, CHAT}
    checked = tuple(dict.fromkeys(scopes))
    if not checked:
        raise InvalidInput("a key needs at least one scope: read, invoke, invoke:WORKFLOW, approve or admin")
    for scope in checked:
        act, colon, workflow = scope.partition(":")
        if act not in ("read", "invoke", "approve", "admin") or (colon and act not in ("invoke", "approve")):
            raise InvalidInput(
                f"there is no scope {scope!r}; there are: read, invoke, invoke:WORKFLOW, approve, approve:WORKFLOW, "
                "admin",
                scope=scope,
            )
        if colon and (not workflow or (known is not None and workflow not in known)):
            named = ", ".join(sorted(known or ()))
            raise InvalidInput(f"scope {scope!r} names no workflow; there are: {named}", scope=scope)
    return checked
