"""The service's settings: `consilia.toml`, overridden by `CONSILIA_*` environment variables.

Every limit is here, with its default and unit. Nested names join with two underscores in the environment:
`CONSILIA_LIMITS__UPLOAD_BYTES=1048576`.
"""

import re
import tomllib
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from agents.pool_settings import PoolSettings
from tools.errors import ConsiliaError
from tools.host.settings import Networks, ToolsSettings

_KEY = re.compile(r"(?:^|[._])(?:keys?|secrets?|tokens?|password)(?:[._]|$)")
_MAY_BE_SECRET = re.compile(r"headers|env|oauth|url")


class InvalidSettings(ConsiliaError):
    """The configuration file or an environment variable cannot be used."""

    code = "invalid_settings"
    status = 500


class Limits(BaseModel):
    """What the service accepts."""

    model_config = ConfigDict(extra="forbid")

    upload_bytes: int = Field(default=50 * 1024 * 1024, ge=1, description="Largest file of POST /files, bytes.")
    body_bytes: int = Field(default=8 * 1024 * 1024, ge=1024, description="Largest JSON body, bytes.")
    header_bytes: int = Field(default=65_536, ge=1024, description="Largest headers of a request, bytes, with its URL.")
    headers: int = Field(default=200, ge=8, description="Most header fields of a request.")
    header_seconds: float = Field(
        default=15.0, gt=0, description="Longest that a request's headers may take to arrive, seconds."
    )
    body_seconds: float = Field(
        default=30.0, gt=0, description="Longest pause in a request's body before its connection is closed, seconds."
    )
    read_seconds: float = Field(
        default=60.0, gt=0, description="Longest that a client may leave an answer unread, seconds."
    )
    connections: int = Field(
        default=10_000, ge=1, description="Connections of one process at a time; beyond, requests are answered 503."
    )
    pages: int = Field(default=600, ge=1, description="Most pages of a document.")
    parse_seconds: float = Field(default=60.0, gt=0, description="Longest that reading one document may take, seconds.")
    parse_memory_bytes: int = Field(
        default=1024**3, ge=128 * 1024**2, description="Most memory of the parser process, bytes."
    )
    decompressed_bytes: int = Field(default=256 * 1024 * 1024, ge=1, description="Most bytes a DOCX may unpack to.")
    concurrent_runs: int = Field(default=2048, ge=1, description="Runs that one process executes at a time.")
    workflow_runs: dict[str, int] = Field(
        default_factory=lambda: {"contract_review": 8, "medical_translation": 8, "financial_advisor": 64},
        description="Runs of a workflow that one process executes at a time, by name; 0 or not named: no limit.",
    )
    tenant_runs: int = Field(
        default=0, ge=0, description="Runs of one tenant that one process executes at a time; 0: no limit."
    )
    key_requests_per_minute: int | None = Field(
        default=None,
        ge=0,
        description="Requests a minute of one key, over all processes; 0: no limit; none: 6000 where the service "
        "listens beyond loopback, else no limit.",
    )
    tenant_requests_per_minute: int | None = Field(
        default=None,
        ge=0,
        description="Requests a minute of one tenant, over all processes; 0: no limit; none: 30000 beyond loopback.",
    )
    unauthorized_per_minute: int | None = Field(
        default=None,
        ge=0,
        description="Requests a minute without a good key from one address; 0: no limit; none: 60 beyond loopback.",
    )
    tokens_per_month: int = Field(
        default=0, ge=0, description="Tokens that a tenant may use in a calendar month; 0: no limit."
    )
    cost_per_month: float = Field(
        default=0.0, ge=0, description="What a tenant may cost in a month, in the currency of the prices; 0: no limit."
    )
    queued_runs: int = Field(default=10_000, ge=1, description="Runs that may wait; beyond, POST answers 429.")
    heartbeat_seconds: float = Field(default=2.0, gt=0, description="Pause between a worker's signs of life, seconds.")
    stalled_seconds: float = Field(
        default=6.0,
        gt=0,
        description="Silence after which a worker counts as dead and others take its runs, seconds.",
    )
    poll_seconds: float = Field(
        default=1.0, gt=0, description="How often a worker looks for runs that are due without being told, seconds."
    )
    database_seconds: float = Field(
        default=30.0, ge=0, description="How long a write waits for a PostgreSQL that is away, seconds."
    )
    run_seconds: float = Field(default=3600.0, gt=0, description="Longest that a run may take, seconds.")
    drain_seconds: float = Field(default=10.0, ge=0, description="Time that running steps get at a shutdown, seconds.")
    recursion: int = Field(
        default=100, ge=1, description="Most steps of a graph in one run, unless its config says otherwise."
    )
    input_bytes: int = Field(
        default=4 * 1024 * 1024, ge=1024, description="Largest input (or command) of a run, bytes of JSON."
    )
    block_seconds: float = Field(
        default=5.0, gt=0, description="Longest that a node may block the event loop before its run is ended, seconds."
    )
    node_threads: int = Field(default=64, ge=4, description="Threads in which one process runs synchronous nodes.")
    tool_seconds: float = Field(default=120.0, gt=0, description="Longest that one tool call may take, seconds.")
    tool_result_bytes: int = Field(
        default=64 * 1024 * 1024, ge=1024, description="Largest result of one tool call, bytes."
    )
    stale_days: int = Field(default=7, ge=0, description="Age from which market data counts as stale, calendar days.")
    funds: int = Field(default=200, ge=1, description="Most funds in one call of a finance tool.")
    projection_cells: int = Field(default=5_000_000, ge=1, description="Most months times paths of a projection.")
    history_points: int = Field(default=20_000, ge=1, description="Most values that one NAV history returns.")
    question_characters: int = Field(
        default=4_000, ge=1, description="Longest question to the financial advisor, characters."
    )
    holdings: int = Field(default=1_000, ge=1, description="Most rows of a client's holdings.")
    explorer_calls: int = Field(
        default=8, ge=0, description="Most tool calls of the agent that looks further in financial advice, a turn."
    )
    explorer_tokens: int = Field(default=60_000, ge=1, description="Most tokens that it reads and writes, a turn.")
    explorer_seconds: float = Field(default=120.0, gt=0, description="Longest that it may take, seconds.")
    record_characters: int = Field(
        default=1_500_000, ge=1, description="Longest medical record, characters; about 500 dense pages."
    )
    import_bytes: int = Field(
        default=100 * 1024 * 1024, ge=1, description="Largest file of `consilia data import-nav`."
    )


class Sealing(BaseModel):
    """What is sealed at rest, and where the keys are: the first of keys, command and file that is set.

    A key is a line "name base64" (32 bytes); the newest is the last one and seals, the others only open.
    """

    model_config = ConfigDict(extra="forbid")

    workflows: list[str] = Field(
        default_factory=lambda: ["medical_translation", "financial_advisor"],
        description='Sensitive workflows: inputs, outputs, states, files and events are sealed; "*": all.',
    )
    keys: SecretStr = Field(default=SecretStr(""), description="The keys themselves, lines or commas between them.")
    command: list[str] = Field(default_factory=list, description="Program and arguments that print the keys.")
    file: Path | None = Field(default=None, description="File of keys; without it sealing-keys in the data folder.")


class WebhookSettings(BaseModel):
    """How webhooks are called."""

    model_config = ConfigDict(extra="forbid")

    secret: SecretStr = Field(
        default=SecretStr(""),
        description="Secret that webhooks are signed with (whsec_…); empty: one is made in the data folder.",
    )
    allow_networks: list[str] = Field(
        default_factory=list, description='Networks that webhooks may call although they are not public: "10.0.0.0/8".'
    )
    attempts: int = Field(default=8, ge=1, le=50, description="Attempts at a delivery before it is given up.")
    timeout_seconds: float = Field(
        default=10.0, gt=0, le=300, description="Longest that one attempt may take, seconds."
    )
    backoff_seconds: float = Field(
        default=5.0,
        gt=0,
        description="Pause after the first failed attempt, seconds; each further one is twice as long.",
    )
    longest_backoff_seconds: float = Field(default=3600.0, gt=0, description="Longest pause between attempts, seconds.")

    @field_validator("allow_networks")
    @classmethod
    def _are_networks(cls, networks: list[str]) -> list[str]:
        for each in networks:
            ip_network(each)
        return networks

    def networks(self) -> list[IPv4Network | IPv6Network]:
        return [ip_network(each) for each in self.allow_networks]


def _positive(days: dict[str, float]) -> dict[str, float]:
    for workflow, number in days.items():
        if not 0 < number <= 36_600:
            raise ValueError(f"{workflow}: {number} is not between 0 and 36600 days")
    return days


class ThreadSettings(BaseModel):
    """How long threads live."""

    model_config = ConfigDict(extra="forbid")

    ttl_minutes: float | None = Field(
        default=None, gt=0, description="Minutes that a new thread lives when its caller says nothing; none: for ever."
    )
    ttl_strategy: Literal["delete", "keep_latest"] = Field(
        default="delete", description="What happens then: the thread goes, or all but its newest checkpoint."
    )
    sweep_seconds: float = Field(default=60.0, gt=0, description="Pause between two sweeps, seconds.")


class Issuer(BaseModel):
    """An external issuer of tokens (OpenID Connect) that this service trusts."""

    model_config = ConfigDict(extra="forbid")

    url: str = Field(description="The issuer, as its tokens' iss says; https, or http on loopback.")
    audience: str = Field(min_length=1, description="What the tokens' aud must hold.")
    scopes_claim: str = Field(default="scope", description="Claim that lists scopes; periods lead into objects.")
    scopes_prefix: str = Field(
        default="consilia:", min_length=1, description="What our scopes begin with there: consilia:invoke."
    )
    roles_claim: str = Field(default="roles", description="Claim that lists roles, such as realm_access.roles.")
    roles: dict[str, Literal["viewer", "operator", "admin"]] = Field(
        default_factory=dict, description="The issuer's role to ours."
    )
    tenant_claim: str = Field(default="", description="Claim that names the tenant, by name or id.")
    tenant: str = Field(default="", description="Tenant of all its tokens, without tenant_claim; empty: the default.")
    leeway_seconds: float = Field(default=30.0, ge=0, le=300, description="How far clocks may differ, seconds.")
    keys_seconds: float = Field(
        default=600.0, gt=0, le=86_400, description="How long the issuer's keys are kept before they are read anew."
    )
    again_seconds: float = Field(
        default=10.0, gt=0, le=600, description="Pause between two looks for a key that is not known, seconds."
    )

    @field_validator("url")
    @classmethod
    def _is_https(cls, url: str) -> str:
        parts = urlsplit(url)
        local = parts.scheme == "http" and parts.hostname in ("127.0.0.1", "::1", "localhost")
        if not (parts.scheme == "https" and parts.hostname) and not local:
            raise ValueError("must begin with https:// (http only on loopback)")
        return url


class AuthSettings(BaseModel):
    """Who may call, beside the keys."""

    model_config = ConfigDict(extra="forbid")

    issuers: list[Issuer] = Field(default_factory=list[Issuer], description="External issuers of tokens.")


class WebSettings(BaseModel):
    """How the service is reached."""

    model_config = ConfigDict(extra="forbid")

    trusted_proxies: list[str] = Field(
        default_factory=list,
        description='Networks of the proxies that end TLS in front, whose X-Forwarded-* is believed: "10.0.0.0/8".',
    )
    allow_origins: list[str] = Field(
        default_factory=list, description='Origins whose pages may call from a browser (CORS): "https://chat.example".'
    )

    @field_validator("trusted_proxies")
    @classmethod
    def _are_networks(cls, networks: list[str]) -> list[str]:
        for each in networks:
            ip_network(each)
        return networks

    @field_validator("allow_origins")
    @classmethod
    def _are_origins(cls, origins: list[str]) -> list[str]:
        for each in origins:
            parts = urlsplit(each)
            if parts.scheme not in ("http", "https") or not parts.netloc or parts.path or parts.query:
                raise ValueError(f"{each!r} is no origin; write scheme and host alone, such as https://chat.example")
        return origins


class AuditSettings(BaseModel):
    """What the audit log holds beside what changes something and what was refused."""

    model_config = ConfigDict(extra="forbid")

    reads: bool = Field(default=False, description="Whether it also holds every request that only reads.")


class AdminSettings(BaseModel):
    """The pages at /admin."""

    model_config = ConfigDict(extra="forbid")

    enabled: bool = Field(default=True, description="Whether /admin is there at all.")
    session_hours: float = Field(
        default=8.0, gt=0, le=720, description="Hours after which one must sign in again, whatever was done meanwhile."
    )
    reveal_minutes: float = Field(
        default=15.0, gt=0, le=1440, description="Minutes for which an unmasked run stays so for who unmasked it."
    )
    hidden_workflows: list[str] = Field(
        default_factory=lambda: ["medical_translation", "financial_advisor"],
        description="Workflows of whose runs only the shape is shown until an admin asks to see them, as of those that "
        'are sealed; "*": all.',
    )
    page_runs: int = Field(default=50, ge=10, le=500, description="Runs on one page of the list.")
    page_events: int = Field(default=200, ge=10, le=2000, description="Events on one page of a run.")
    export_runs: int = Field(default=100_000, ge=1, description="Most runs in one export.")
    bulk_runs: int = Field(default=1_000, ge=1, le=10_000, description="Most runs that are cancelled at once.")


class TelemetrySettings(BaseModel):
    """Where traces and metrics go, over OTLP/HTTP; see docs/observability.md."""

    model_config = ConfigDict(extra="forbid")

    endpoint: str = Field(
        default="",
        description="URL of an OpenTelemetry collector (http://host:4318); empty: nothing is traced or sent.",
    )
    headers: dict[str, SecretStr] = Field(
        default_factory=dict[str, SecretStr], description="Further headers for the collector, such as its key."
    )
    service_name: str = Field(default="consilia", min_length=1, description="How the service is named there.")
    sample: float = Field(
        default=1.0, ge=0, le=1, description="Share of the traces that begin here to keep; others follow their caller."
    )
    trace_seconds: float = Field(default=5.0, gt=0, description="Longest that a span waits to be sent, seconds.")
    metric_seconds: float = Field(default=30.0, gt=0, description="Pause between two reports of metrics, seconds.")
    timeout_seconds: float = Field(default=5.0, gt=0, description="Longest that one report may take, seconds.")

    @field_validator("endpoint")
    @classmethod
    def _is_url(cls, endpoint: str) -> str:
        if endpoint and not endpoint.startswith(("http://", "https://")):
            raise ValueError("must be a URL that begins with http:// or https://")
        return endpoint


class McpSettings(BaseModel):
    """How our workflows are served to MCP clients at /mcp and over stdio; see docs/mcp.md."""

    model_config = ConfigDict(extra="forbid")

    allowed_hosts: list[str] = Field(
        default_factory=list,
        description='Host headers that /mcp answers besides loopback ones: "consilia.example.org", "10.0.0.5:*".',
    )
    wait_seconds: float = Field(
        default=50.0,
        gt=0,
        description="How long a tool waits for its run where the client asked for no progress, seconds.",
    )
    approval_seconds: float = Field(
        default=86_400.0, gt=0, description="How long a client of 2026-07-28 may take to answer a question, seconds."
    )
    sessions: int = Field(default=1_000, ge=1, description="Most open sessions (2025-11-25) of one process.")
    session_idle_seconds: float = Field(
        default=1_800.0, gt=0, description="Silence after which a session is closed, seconds."
    )
    subscriptions: int = Field(default=200, ge=1, description="Most resources that one process watches for clients.")
    page: int = Field(default=50, ge=1, le=1_000, description="Most resources on one page of resources/list.")


class MarketSourceSettings(BaseModel):
    """A live source of market data: an MCP server of yours, by its URL or by the command that starts it on stdio."""

    model_config = ConfigDict(extra="forbid")

    url: str = Field(default="", description="URL of the server's Streamable HTTP endpoint.")
    command: list[str] = Field(default_factory=list, description="Program and arguments that serve MCP on stdio.")
    tool: str = Field(default="daily_values", description="The tool that gives a series; see docs/market-data.md.")
    label: str = Field(default="", description="How results name the source; empty: its name here.")
    allow_networks: Networks = Field(
        default_factory=list[str], description="Networks that its URL may be in although they are not public."
    )
    seconds: float = Field(default=60.0, gt=0, description="Longest that one call may take, seconds.")

    @model_validator(mode="after")
    def _reached_one_way(self) -> Self:
        if bool(self.url) == bool(self.command):
            raise ValueError("give either url or command")
        return self


class Settings(BaseSettings):
    """All settings. See docs/configuration.md."""

    model_config = SettingsConfigDict(env_prefix="CONSILIA_", env_nested_delimiter="__", extra="forbid")

    data_dir: Path = Field(default=Path("var"), description="Folder of the SQLite database and the first key.")
    database: str = Field(default="", description="sqlite:///path or postgresql://…; empty: SQLite in the data folder.")
    host: str = Field(default="127.0.0.1", description="Address that `consilia serve` binds.")
    port: int = Field(default=8321, ge=0, le=65535, description="Port that `consilia serve` binds; 0 takes a free one.")
    preload: bool = Field(
        default=True,
        description="Whether the workflows and tools that come with Consilia are loaded once the service is ready; "
        "else when they are first used.",
    )
    execute: bool = Field(
        default=True, description="Whether `consilia serve` on PostgreSQL executes runs too; else workers alone do."
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="Least level that is logged."
    )
    log_format: Literal["text", "json"] = Field(
        default="text", description="Logs in words, or one JSON object a line with the ids of run and trace."
    )
    probe_port: int = Field(
        default=0,
        ge=0,
        le=65535,
        description="Port where `consilia worker` answers /live, /ready and /metrics; 0: nowhere.",
    )
    telemetry: TelemetrySettings = TelemetrySettings()
    limits: Limits = Limits()
    market_sources: dict[str, MarketSourceSettings] = Field(
        default_factory=dict, description="Live sources of market data by name; see docs/market-data.md."
    )
    pool: PoolSettings = Field(default_factory=PoolSettings, description="The model servers; none: embedded.")
    auth: AuthSettings = AuthSettings()
    web: WebSettings = WebSettings()
    audit: AuditSettings = AuditSettings()
    sealing: Sealing = Sealing()
    webhooks: WebhookSettings = WebhookSettings()
    threads: ThreadSettings = ThreadSettings()
    tools: ToolsSettings = Field(default_factory=ToolsSettings, description="Your own MCP servers; see docs/tools.md.")
    admin: AdminSettings = AdminSettings()
    mcp: McpSettings = McpSettings()
    retention_days: Annotated[dict[str, float], AfterValidator(_positive)] = Field(
        default_factory=dict[str, float],
        description='Days that threads are kept after their last change, by workflow, "*" for all others and uploads; '
        "a tenant may have its own; not named: for ever.",
    )
    idempotency_hours: float = Field(
        default=24.0, gt=0, le=8760, description="Hours that an Idempotency-Key is remembered."
    )
    workflows: dict[str, str] = Field(default_factory=dict, description='Your own graphs: name = "./file.py:graph".')
    langgraph_json: Path | None = Field(default=None, description="An existing langgraph.json whose graphs are served.")
    config_dir: Path = Field(
        default=Path(), exclude=True, description="Folder that relative paths of the file start from."
    )

    @property
    def database_url(self) -> str:
        """The database's URL; by default `consilia.db` in the data folder."""
        return self.database or f"sqlite:///{(self.data_dir / 'consilia.db').absolute()}"

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return env_settings, init_settings


def found_here() -> Path | None:
    """The configuration file that is read where none is named: ./consilia.toml when there is one."""
    here = Path("consilia.toml")
    return here if here.is_file() else None


def load(config: Path | None = None, **overrides: Any) -> Settings:
    """Settings from `config`, else from ./consilia.toml when there is one, else the defaults.

    `config` may also be a langgraph.json: its graphs are served, with default settings. Overrides (from the command
    line) win over the environment, which wins over the file.
    """
    path = config or found_here()
    values: dict[str, Any] = {}
    if path is not None and path.suffix == ".json":
        values["langgraph_json"] = path
    elif path is not None:
        values = _read(path)
        values["config_dir"] = path.parent
    try:
        settings = Settings(**values)
        chosen = {key: value for key, value in overrides.items() if value is not None}
        return Settings.model_validate(settings.model_copy(update=chosen).model_dump()) if chosen else settings
    except ValidationError as error:
        raise InvalidSettings(_explain(error, path)) from None


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InvalidSettings(f"there is no configuration file {str(path)!r}") from None
    except OSError as error:
        raise InvalidSettings(f"the configuration file {str(path)!r} cannot be read: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InvalidSettings(f"{path}: not a TOML file: {error}") from None


def _explain(error: ValidationError, path: Path | None) -> str:
    faults: list[str] = []
    for fault in error.errors():
        name = ".".join(str(part) for part in fault["loc"])
        given = fault["input"]
        secret = (
            name.startswith("sealing")
            or _KEY.search(name)
            or (name.startswith("tools.servers") and _MAY_BE_SECRET.search(name))
            or (isinstance(given, str) and "@" in given)  # a URL with a password
        )
        told = isinstance(given, str | int | float) and not secret
        value = f" = {repr(given)[:120]}" if told else ""  # a key never reaches a log
        faults.append(f"{name}{value}: {fault['msg'].removeprefix('Value error, ')}")
    where = f"{path} or the environment" if path else "the environment"
    return f"settings in {where} cannot be used: " + "; ".join(faults) + " (see docs/configuration.md)"
