"""What a key may do here: three roles, each with what the one before has."""

from dataclasses import dataclass
from enum import IntEnum
from typing import Literal

from service.auth import Caller
from service.auth import NotPermitted as NotPermitted


class Role(IntEnum):
    """viewer: sees its tenant's runs, masked. operator: also acts on them and decides. admin: may unmask, and has the
    pool and the keys; of the default tenant, it sees every tenant's."""

    VIEWER = 1
    OPERATOR = 2
    ADMIN = 3

    @property
    def title(self) -> str:
        return self.name.lower()


def role_of(scopes: tuple[str, ...]) -> Role | None:
    """The highest role that the scopes give; None: the key may not come in, as one that may only invoke."""
    if "admin" in scopes:
        return Role.ADMIN
    if "read" not in scopes:
        return None
    acts = any(scope.partition(":")[0] in ("invoke", "approve") for scope in scopes)
    return Role.OPERATOR if acts else Role.VIEWER


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who looks: a caller with a role. csrf: what a form of this session must bring; "" without a session, where the
    request carried the key itself."""

    caller: Caller
    role: Role
    csrf: str = ""

    @property
    def name(self) -> str:
        """The key's."""
        return self.caller.name

    @property
    def tenant(self) -> str | None:
        """The one tenant whose rows are seen; None: every tenant's, for an admin of the default tenant."""
        return None if self.caller.runs_the_installation else self.caller.tenant_id

    def may(self, act: Literal["invoke", "approve"], workflow: str) -> bool:
        """Whether the key's scopes let it start runs of a workflow, or answer what they ask."""
        return self.caller.may(act, workflow)

    def need(self, role: Role, what: str) -> None:
        """Raises NotPermitted. what: "to cancel a run", for the sentence."""
        if self.role < role:
            raise NotPermitted(
                f"{what} needs the role {role.title}; this key's is {self.role.title} (docs/admin.md)", role=role.title
            )
