"""Advice on this machine: files kept, a thread, a run a question, the answer shown and its files written."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.markdown import Markdown
from rich.markup import escape
from rich.table import Table

from service.commands.reviewing import write
from service.commands.terminal import out
from service.database import assistants, threads
from service.database.market import MarketStore
from service.database.tables import DEFAULT_TENANT, new_id
from service.house import House
from service.runs.submit import Order, outcome, submit
from tools.errors import ConsiliaError, InvalidInput
from workflows.financial_advisor.holdings import from_csv, profile_from_toml

WORKFLOW = "financial_advisor"
_BRIEF = ("opening", "recommendation")


@dataclass(slots=True)
class Conversation:
    """A thread with the advisor. given: what the first question brings along: profile and holdings."""

    house: House
    out_dir: Path
    given: dict[str, Any]
    language: str | None = None
    thread_id: str = field(default_factory=new_id)
    begun: bool = False
    turns: int = 0


@dataclass(frozen=True, slots=True)
class Advised:
    """A finished turn. interrupts: what the run waits for. written: files by kind."""

    run_id: str
    status: str
    advice: dict[str, Any]
    written: dict[str, Path]
    interrupts: list[dict[str, Any]]


def given(holdings: Path | None, profile: Path | None) -> dict[str, Any]:
    """Holdings and profile of this machine as the workflow takes them. Raises InvalidInput, InvalidHoldings, …"""
    found: dict[str, Any] = {}
    if holdings is not None:
        held = from_csv(_text(holdings), holdings.name)
        rows: list[dict[str, Any]] = [each.model_dump() for each in held.funds]
        rows += [{"fund_id": "CASH", "units": each.amount, "currency": each.currency} for each in held.cash]
        rows += [{"fund_id": name, "weight": weight} for name, weight in held.weights.items()]
        found["holdings"] = rows
    if profile is not None:
        found["profile"] = profile_from_toml(_text(profile), profile.name).model_dump(
            mode="json", exclude_defaults=True
        )
    return found


def _text(path: Path) -> str:
    try:
        if path.stat().st_size > 1_000_000:
            raise InvalidInput(f"{path} has more than 1,000,000 bytes; no file of holdings or profile is that long")
        return path.read_text("utf-8-sig")
    except UnicodeDecodeError:
        return path.read_text("gb18030", errors="replace")
    except OSError as error:
        raise InvalidInput(f"cannot read {str(path)!r}: {error.strerror}") from None


async def ask(talk: Conversation, question: str, *, resume: Any = None) -> Advised:
    """One turn: a question, or the answer to an interrupt. Raises the run's error as a ConsiliaError."""
    house = talk.house
    assistant = await assistants.get(house.database, DEFAULT_TENANT, assistants.default_id(WORKFLOW))
    assert assistant is not None, "open_house makes the default assistants"
    if not talk.begun:
        creation, _ = threads.creation(DEFAULT_TENANT, talk.thread_id, {"graph_id": WORKFLOW, "source": "cli"})
        await house.database.writer.write(creation)
        talk.begun = True
    given_now = {"question": question, **(talk.given if talk.turns == 0 else {})}
    if talk.language is not None:
        given_now["language"] = talk.language
    order = Order(
        assistant=assistant,
        input=None if resume is not None else given_now,
        command={"resume": resume} if resume is not None else None,
        config={},
        context={},
        metadata={"source": "cli"},
        stream_mode=["values"],
    )
    accepted = await submit(house, DEFAULT_TENANT, order, talk.thread_id)
    run_id: str = accepted.row["run_id"]
    ended = await (await outcome(house, run_id))
    if ended.error is not None:
        raise ConsiliaError.from_payload(ended.error)
    talk.turns += 1
    values = ended.values or {}
    folder = talk.out_dir if talk.turns == 1 else talk.out_dir / f"turn-{talk.turns}"
    files: dict[str, str] = values.get("files") or {}
    written = {key: await write(house, file_id, folder) for key, file_id in files.items()}
    waiting = [each for group in ended.interrupts.values() for each in group]
    return Advised(run_id, ended.status, values.get("advice") or {}, written, waiting)


def show(done: Advised, *, brief: bool = False) -> None:
    """The answer on the terminal: what it says, and where its files are. brief: the opening and the recommendation."""
    advice = done.advice
    for each in done.interrupts:
        value: Mapping[str, Any] = each["value"]
        out.print(f"\n[bold yellow]{escape(str(value.get('title')))}[/]\n{escape(str(value.get('question')))}")
        waits = f"The run waits for a person: {done.run_id}; the inbox of /admin decides it too"
        out.print(f"[dim]{waits}[/]", highlight=False)
    if not advice or done.interrupts:
        return
    out.print()
    for section in advice["sections"]:
        if brief and section["key"] not in _BRIEF:
            continue
        if section["title"]:
            out.print(f"\n[bold]{escape(section['title'])}[/]")
        out.print(Markdown(_plain(section["paragraphs"])))
    if not brief:
        out.print(f"\n[dim]{escape(advice['disclosure'])}[/]")
    if done.written:
        table = Table(box=None, pad_edge=False, show_header=False)
        labels = {"html": "Report", "markdown": "Markdown", "json": "JSON"}
        for key, label in labels.items():
            table.add_row(label, str(done.written[key]))
        figures = advice["figures"]
        table.add_row(
            "Run", f"{done.run_id}   {len(advice['calls'])} tool calls, {len(figures)} figures traced to them"
        )
        out.print(table)


def _plain(paragraphs: Sequence[str]) -> str:
    """Paragraphs for the terminal's Markdown: text stays text, lists stay lists."""
    lines = [re.sub(r"([\\`*_<>\[\]#|])", r"\\\1", each) for each in paragraphs]
    parts: list[str] = []
    for line in lines:
        parts.append(line if line.startswith("- ") else f"\n{line}\n")
    return "\n".join(parts)


async def market_data(house: House) -> bool:
    """Whether there is any market data to compute on."""
    return bool(await MarketStore(house.database).listing(DEFAULT_TENANT))
