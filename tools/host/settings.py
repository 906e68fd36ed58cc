"""`[tools]` of `consilia.toml`: the user's own MCP servers, what may be called on them, and every bound on it."""

import re
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Final, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from tools.addresses import Network
from tools.host.secret_source import SecretSource

IN_HOUSE: Final = frozenset({"documents", "contracts", "records", "medicine", "finance", "suitability"})
"""Names that servers of the user's cannot take."""

_NAME: Final = re.compile(r"[a-z0-9](?:[a-z0-9-]|_(?!_)){0,39}")
_SECRET_HEADER: Final = re.compile(r"authorization|cookie|token|secret|api-?key|password", re.I)


def _name(value: str) -> str:
    if not _NAME.fullmatch(value) or value.endswith("_"):
        raise ValueError("a server's name has small letters, digits, '-' and single '_', at most 40")
    if value in IN_HOUSE:
        raise ValueError(f"{value!r} is the name of an in-house server; choose another")
    return value


def _networks(values: list[str]) -> list[str]:
    for each in values:
        ip_network(each)
    return values


Networks = Annotated[list[str], AfterValidator(_networks)]
ByWorkflow = dict[str, list[str]]
"""Workflow ("*": every one) → tools of this server ("*": all of them)."""


class OAuthSettings(BaseModel):
    """OAuth 2.1 client credentials (RFC 6749, section 4.4) of the service at a server."""

    model_config = ConfigDict(extra="forbid")

    issuer: str = Field(description="Issuer URL of the authorization server; the secret goes nowhere else.")
    client_id: str = Field(description="The client's id.")
    client_secret: SecretSource = Field(description="Where the client's secret is read.")
    scope: str | None = Field(default=None, description="Scopes to ask for, with spaces between them.")


class ServerSettings(BaseModel):
    """An MCP server of the user's, by the command that starts it on stdio or by its URL."""

    model_config = ConfigDict(extra="forbid")

    command: list[str] = Field(default_factory=list[str], description="Program and arguments that serve MCP on stdio.")
    env: dict[str, str | SecretSource] = Field(
        default_factory=dict[str, str | SecretSource], description="Its environment, beside PATH, HOME and the like."
    )
    folder: Path | None = Field(default=None, description="Its working folder; relative to the configuration file.")
    url: str = Field(default="", description="URL of its Streamable HTTP endpoint.")
    headers: dict[str, str | SecretSource] = Field(
        default_factory=dict[str, str | SecretSource], description="Headers of every request to it."
    )
    oauth: OAuthSettings | None = Field(default=None, description="Client credentials, instead of a header.")
    allow_networks: Networks = Field(
        default_factory=list[str], description='Networks it may be in although they are not public: "10.0.0.0/8".'
    )
    allow: ByWorkflow = Field(default_factory=dict[str, list[str]], description="What each workflow may call.")
    without_approval: ByWorkflow = Field(
        default_factory=dict[str, list[str]],
        description="Tools that may write without asking a person, while the run has read nothing untrusted.",
    )
    after_untrusted: ByWorkflow = Field(
        default_factory=dict[str, list[str]],
        description="Tools that may write or reach out without asking, also after the run has read untrusted content.",
    )
    trusted_results: bool = Field(
        default=False, description="Its results count as trusted: reading them taints no run."
    )
    ignore_annotations: bool = Field(
        default=False, description="Believe none of its annotations: every tool counts as writing and reaching out."
    )
    pinning: Literal["first", "accepted"] = Field(
        default="first", description="A tool seen for the first time is pinned as it is, or waits for an admin."
    )
    seconds: float | None = Field(
        default=None, gt=0, description="Longest that a call may take; none: the general one."
    )
    result_bytes: int = Field(default=4 * 1024 * 1024, ge=1024, description="Largest result of a call, bytes.")
    argument_bytes: int = Field(default=1024 * 1024, ge=1024, description="Largest arguments of a call, bytes.")
    most_tools: int = Field(
        default=1000, ge=1, le=100_000, description="Most tools it may list; with more it is refused."
    )
    unasked_per_second: int = Field(
        default=100, ge=1, description="Messages nobody asked for that it may send in a second; beyond it is cut off."
    )
    enabled: bool = Field(default=True, description="Whether it is used at all.")

    @model_validator(mode="after")
    def _reached_one_way(self) -> Self:
        if bool(self.url) == bool(self.command):
            raise ValueError("give either url or command")
        if self.url:
            if not re.fullmatch(r"https?://[^\s/?#@]+(/[^\s#]*)?", self.url):
                raise ValueError("url is a whole URL such as https://tools.example.org/mcp, without user or password")
            if self.env or self.folder:
                raise ValueError("env and folder belong to a server with a command")
        elif self.headers or self.oauth or self.allow_networks:
            raise ValueError("headers, oauth and allow_networks belong to a server with a url")
        for name, value in self.headers.items():
            if isinstance(value, str) and _SECRET_HEADER.search(name):
                raise ValueError(f'the header {name} holds a secret: give {{ env = "NAME" }} or {{ file = "path" }}')
        return self

    def networks(self) -> list[Network]:
        return [ip_network(each) for each in self.allow_networks]


class ToolsSettings(BaseModel):
    """The tool host."""

    model_config = ConfigDict(extra="forbid")

    allow: ByWorkflow = Field(
        default_factory=dict[str, list[str]],
        description='What each of your own workflows may call, as server/tool or server/*: "finance/*".',
    )
    connect_seconds: float = Field(default=20.0, gt=0, description="Longest that opening a session may take, seconds.")
    backoff_seconds: float = Field(
        default=0.5, gt=0, description="Pause before a lost session is opened anew, seconds; each time twice as long."
    )
    longest_backoff_seconds: float = Field(default=60.0, gt=0, description="Longest pause between two tries, seconds.")
    relist_seconds: float = Field(
        default=300.0, gt=0, description="How often a server's tools are listed anew without its word, seconds."
    )
    servers: dict[Annotated[str, AfterValidator(_name)], ServerSettings] = Field(
        default_factory=dict[str, ServerSettings], description="Your own MCP servers by name; see docs/tools.md."
    )
