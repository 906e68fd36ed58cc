"""The command line: `consilia …`."""

from typing import Annotated

import typer

from service.commands import (
    advice,
    audit,
    contracts,
    data,
    database,
    demo,
    erase,
    evaluate,
    keys,
    mcp,
    pool,
    records,
    runs,
    serve,
    tenants,
    tools,
    worker,
)

app = typer.Typer(
    name="consilia",
    help="Consilia runs expert workflows on open models, on your own machines, with every step on record.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback()
def main(
    version: Annotated[bool, typer.Option("--version", callback=serve.show_version, is_eager=True)] = False,
) -> None:
    """Consilia runs expert workflows on open models, on your own machines, with every step on record."""


app.command(rich_help_panel="Workflows")(contracts.review)
app.command(rich_help_panel="Workflows")(records.translate)
app.command("sign-off", rich_help_panel="Workflows")(records.sign_off)
app.command(rich_help_panel="Workflows")(advice.advise)
app.command(rich_help_panel="Workflows")(demo.demo)
app.command(rich_help_panel="Workflows")(evaluate.evaluate)
app.command(rich_help_panel="Service")(serve.serve)
app.command(rich_help_panel="Service")(worker.worker)
app.add_typer(mcp.app, name="mcp", rich_help_panel="Service")
app.add_typer(runs.app, name="runs", rich_help_panel="Service")
app.add_typer(pool.app, name="pool", rich_help_panel="Service")
app.add_typer(tools.app, name="tools", rich_help_panel="Service")
app.add_typer(data.app, name="data", rich_help_panel="Service")
app.add_typer(database.app, name="db", rich_help_panel="Service")
app.add_typer(keys.app, name="keys", rich_help_panel="Trust")
app.add_typer(tenants.app, name="tenants", rich_help_panel="Trust")
app.add_typer(audit.app, name="audit", rich_help_panel="Trust")
app.command(rich_help_panel="Trust")(erase.erase)


if __name__ == "__main__":
    app()
