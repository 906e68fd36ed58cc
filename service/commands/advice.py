"""`consilia advise`: a question about a portfolio, or a conversation."""

import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from service.commands.contracts import OutOption, ReportLanguage
from service.commands.terminal import ConfigOption, JsonOption, configure_logs, err, out, print_json, run, settings
from tools.errors import ConsiliaError


def advise(
    question: Annotated[
        str | None, typer.Argument(help="The question, in English or Chinese; without one, a conversation begins.")
    ] = None,
    holdings: Annotated[
        Path | None, typer.Option(help="CSV with the columns fund_id, units (or weight), currency; CASH is cash.")
    ] = None,
    profile: Annotated[
        Path | None, typer.Option(help="The client's profile, TOML (docs/financial-advisor.md).")
    ] = None,
    language: Annotated[
        ReportLanguage | None, typer.Option("--language", "-l", help="Language of the answer; default: the question's.")
    ] = None,
    questionnaire: Annotated[
        bool, typer.Option("--questionnaire", help="Print the questions by which a client is classified, and stop.")
    ] = False,
    out_dir: OutOption = Path("out"),
    config: ConfigOption = None,
    json: JsonOption = False,
) -> None:
    """Advise on funds and portfolios: figures from tools, suitability by rule, a report with charts.

    The run is kept in the database like any other; see it with: consilia runs show ID
    """
    if questionnaire:
        _print_questionnaire(language.value if language else "en", json)
        return
    from service.commands.advising import Advised, Conversation, ask, given, market_data, show  # heavy: --help without
    from service.house import open_house

    chosen = settings(config)
    configure_logs("error")
    interactive = question is None

    async def work() -> list[Advised]:
        done: list[Advised] = []
        known = given(holdings, profile)
        async with open_house(chosen) as house:
            if not await market_data(house):
                err.print(
                    "[yellow]There is no market data yet:[/] consilia data import-nav FILE.csv, or consilia data demo"
                )
            talk = Conversation(house, out_dir, known, language.value if language else None)
            if question is not None:
                done.append(await ask(talk, question))
                if not json:
                    show(done[-1])
                    await _answer_interrupts(talk, done)
                return done
            out.print("[dim]Ask about funds and portfolios, in English or Chinese. An empty line ends.[/]")
            while line := _read("› "):
                try:
                    done.append(await ask(talk, line))
                except ConsiliaError as error:  # of this turn; the conversation goes on
                    err.print(f"[bold red]error[/] ({error.code}) {escape(error.message)}", highlight=False)
                    continue
                show(done[-1])
                await _answer_interrupts(talk, done)
        return done

    async def _answer_interrupts(talk: Conversation, done: list[Advised]) -> None:
        """Put what the run waits for before the person at the terminal, if there is one."""
        while done[-1].interrupts and sys.stdin.isatty():
            verdict = _read("release / refuse › ") or "refuse"
            warned = verdict == "release" and _read("Has the client had the written risk warning? yes / no › ") == "yes"
            told = {"decision": "release" if warned else "refuse", "warned": warned}
            done.append(await ask(talk, "", resume=told))
            show(done[-1])

    answers = run(work())
    if json and not interactive:
        last = answers[-1]
        files = {key: str(path) for key, path in last.written.items()}
        print_json({"run_id": last.run_id, "status": last.status, **last.advice, "files": files})


def _read(prompt: str) -> str:
    try:
        return input(prompt if sys.stdin.isatty() else "").strip()
    except EOFError:
        return ""


def _print_questionnaire(language: str, json: bool) -> None:
    from tools.suitability.questionnaire import questionnaire

    asked = questionnaire()
    if json:
        print_json(asked.model_dump())
        return
    for each in asked.questions:
        out.print(f"\n[bold]{getattr(each.text, language)}[/]  [dim]{each.key}[/]")
        for option in each.options:
            out.print(f"  {option.key:<14} {getattr(option.text, language)}  [dim]{option.score:g}[/]", highlight=False)
    levels = ", ".join(f"{name} from {score:g}" for name, score in asked.thresholds.items())
    out.print(
        f"\n[dim]100 points at most: {levels}. Put the answers under \\[answers] in the profile.[/]", highlight=False
    )
