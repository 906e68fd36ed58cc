"""`consilia erase`: a run, a thread, or all of a person, really."""

from typing import Annotated

import typer
from rich.table import Table

from service.auth.audit import of_command
from service.commands.keys import tenant_id_of
from service.commands.terminal import ConfigOption, JsonOption, err, out, print_json, run, settings
from service.runs.erasing import Erased


def erase(
    run_id: Annotated[str | None, typer.Option("--run", help="Id of the run to erase.")] = None,
    thread: Annotated[str | None, typer.Option(help="Id of the thread to erase, with its runs.")] = None,
    subject: Annotated[
        str | None,
        typer.Option(help='Erase all that is about somebody: threads and runs with metadata {"subject": …}.'),
    ] = None,
    tenant: Annotated[str | None, typer.Option(help="Tenant by name or id; default: the default tenant.")] = None,
    compact: Annotated[
        bool, typer.Option(help="Also rewrite the database's files, which deleted rows still fill. Takes a while.")
    ] = True,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    config: ConfigOption = None,
    json: JsonOption = False,
) -> None:
    """Erase for good: rows, checkpoints, events, files, and the uploads that the runs read. Says what was erased.

    The service may run meanwhile. Backups are not reached: see docs/security.md.
    """
    given = [(name, each) for name, each in (("run", run_id), ("thread", thread), ("subject", subject)) if each]
    if len(given) != 1:
        err.print("[bold red]error[/] give one of --run, --thread and --subject")
        raise typer.Exit(2)
    [(kind, named)] = given
    if not yes:
        typer.confirm(f"Erase {kind} {named} for good?", abort=True)
    chosen = settings(config)

    async def work() -> Erased:
        from service.database import migrate
        from service.database.opening import open_installation
        from service.runs import erasing

        acts = {"run": erasing.erase_run, "thread": erasing.erase_thread, "subject": erasing.erase_subject}
        async with open_installation(chosen) as database:
            await migrate.ensure(database)
            owner = await tenant_id_of(database, tenant)
            erased = await acts[kind](database, owner, named)
            told = "a subject" if kind == "subject" else f"{kind}={named}"  # a name would stay in the log for ever
            await of_command(database, chosen.data_dir, "erase." + kind, told, owner, **erased.rows)
            if compact:
                await erasing.compact(database, erased)
            else:
                erased.remains.append("free pages of the database's files, until `consilia db compact`")
            return erased

    erased = run(work())
    if json:
        print_json({"erased": erased.rows, "remains": erased.remains})
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("erased from")
    table.add_column("rows", justify="right")
    for name, number in sorted(erased.rows.items()):
        table.add_row(name, str(number))
    out.print(table)
    out.print("What may still hold some of it:")
    for each in erased.remains:
        out.print(f"  - {each}", markup=False, highlight=False)
