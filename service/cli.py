"""The command line: `consilia …`. A command's module is imported when the command is used, and no other's."""

from dataclasses import dataclass
from importlib import import_module
from typing import Annotated, Any, Final

import typer
from typer.core import TyperGroup
from typer.main import get_command, get_group

from service.collecting import pausing


@dataclass(frozen=True, slots=True)
class Command:
    """A command, or a group of commands: what `consilia --help` says of it, and where it is."""

    panel: str
    module: str
    attribute: str
    help: str


COMMANDS: Final = {
    "review": Command(
        "Workflows",
        "contracts",
        "review",
        "Review a contract against a playbook: findings, a report, and the same document redlined.",
    ),
    "translate": Command(
        "Workflows",
        "records",
        "translate",
        "Translate a medical record: every segment verified by rule, key data as FHIR, advice with citations.",
    ),
    "sign-off": Command(
        "Workflows",
        "records",
        "sign_off",
        "Decide on a translation that waits: approve, edit segments, or reject. The decision is kept with the run.",
    ),
    "advise": Command(
        "Workflows",
        "advice",
        "advise",
        "Advise on funds and portfolios: figures from tools, suitability by rule, a report with charts.",
    ),
    "demo": Command(
        "Workflows",
        "demo",
        "demo",
        "Review sample contracts, translate a record, advise on a portfolio: no model, no key, no network.",
    ),
    "evaluate": Command(
        "Workflows",
        "evaluate",
        "evaluate",
        "Score a workflow's embedded engine against labels written by experts, with a plot.",
    ),
    "serve": Command(
        "Service", "serve", "serve", "Start the service: REST on one port, runs executed in the same process."
    ),
    "worker": Command(
        "Service", "worker", "worker", "Execute runs that any `consilia serve` of the same PostgreSQL has accepted."
    ),
    "mcp": Command(
        "Service", "mcp", "app", "Serve the workflows to a desktop client (MCP over stdio), and set clients up."
    ),
    "runs": Command("Service", "runs", "app", "What has run, and what happened in it."),
    "pool": Command("Service", "pool", "app", "The models: which there are, which answers what, which fit your GPUs."),
    "tools": Command(
        "Service",
        "tools",
        "app",
        r"The tools that workflows may call: in-house ones, and those of your own MCP servers (\[tools.servers]).",
    ),
    "data": Command(
        "Service", "data", "app", "Market data (funds, prices, exchange rates) and documents of the knowledge base."
    ),
    "db": Command("Service", "database", "app", "The database's schema, backup and sealing keys."),
    "keys": Command("Trust", "keys", "app", "Keys: who may call the service, and for what."),
    "tenants": Command("Trust", "tenants", "app", "Tenants: whose runs, threads, files and keys are whose."),
    "audit": Command("Trust", "audit", "app", "The audit log: who did what to what, when, from where."),
    "erase": Command(
        "Trust",
        "erase",
        "erase",
        "Erase for good: rows, checkpoints, events, files, and the uploads that the runs read. Says what was erased.",
    ),
}


def load(name: str) -> Any:
    """The command of this name, with its options and its own commands."""
    command = COMMANDS[name]
    with pausing():
        found: Any = getattr(import_module(f"service.commands.{command.module}"), command.attribute)
        if isinstance(found, typer.Typer):
            return get_group(found)
        alone = typer.Typer(add_completion=False)
        alone.command(name)(found)
        return get_command(alone)


class Commands(TyperGroup):
    """Lists commands by what is said above of them; the one that is called, or asked for its own help, is loaded."""

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:
        name, listed, rest = super().resolve_command(ctx, args)
        return name, load(name) if name is not None else listed, rest


app = typer.Typer(
    name="consilia",
    cls=Commands,
    help="Consilia runs expert workflows on open models, on your own machines, with every step on record.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)


def show_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"consilia {version('consilia')}")
        raise typer.Exit


@app.callback()
def main(version: Annotated[bool, typer.Option("--version", callback=show_version, is_eager=True)] = False) -> None:
    """Consilia runs expert workflows on open models, on your own machines, with every step on record."""


def _listed() -> None:
    """Stands for a command that is not loaded."""


for _name, _command in COMMANDS.items():
    app.command(_name, help=_command.help, rich_help_panel=_command.panel)(_listed)


if __name__ == "__main__":
    app()
