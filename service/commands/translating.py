"""Translating a record of this machine: upload, run, follow, write the outputs, show what must be checked; sign off."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import orjson
from rich.markup import escape
from rich.progress import Progress
from rich.table import Table

from service.commands.reviewing import keep, write
from service.commands.terminal import err, out, progress_columns
from service.database import assistants, runs, threads
from service.database.tables import DEFAULT_TENANT, new_id
from service.house import House
from service.runs.submit import Order, outcome, submit
from tools.errors import ConsiliaError, InvalidInput

WORKFLOW: Final = "medical_translation"
STEPS: Final = {
    "ingest": "reading and de-identifying the record",
    "segment": "cutting it into segments",
    "extract": "noting key data",
    "translate": "translating",
    "verify": "verifying every segment",
    "second_opinion": "asking for a second opinion",
    "consult": "consulting the knowledge base",
    "advise": "writing the advice",
    "translate_advice": "translating the advice",
    "assemble": "putting the files together",
    "sign_off": "waiting for sign-off",
    "revise": "verifying the edits",
    "release": "releasing",
}
_COLOURS: Final = {"critical": "bold red", "major": "yellow", "minor": "blue"}
_STATUS: Final = {
    "released": "[bold green]released[/]",
    "needs_translator": "[bold yellow]needs a translator[/]",
    "rejected": "[bold red]rejected[/]",
    "waiting": "[bold yellow]complete; waits for a clinician's sign-off[/]",
}
_LISTED: Final = 12
"""Untranslated segments that are listed on the screen; the files list them all."""


class NotWaiting(ConsiliaError):
    """The run does not wait for a sign-off."""

    code = "not_waiting"
    status = 409


@dataclass(frozen=True, slots=True)
class Translation:
    """A run that has ended or waits. question: what the sign-off asks, None when the run has ended."""

    run_id: str
    status: str
    values: dict[str, Any]
    question: dict[str, Any] | None
    written: dict[str, Path]

    @property
    def outcome(self) -> str:
        """released, needs_translator, rejected, or waiting: what a reader should make of the files."""
        if self.question is None:
            return str(self.values["outcome"])
        return "needs_translator" if self.question["outcome"] == "needs_translator" else "waiting"

    def as_json(self) -> dict[str, Any]:
        """For a program. The text is de-identified; the files of a released translation are not."""
        waits = {name: self.question[name] for name in ("question", "problem", "schema")} if self.question else None
        return {
            "run_id": self.run_id,
            "status": self.status,
            "outcome": self.outcome,
            **{name: value for name, value in self.values["translation"].items() if name != "outcome"},
            "sign_off": waits,
            "files": {name: str(path) for name, path in self.written.items()},
        }


async def translate_file(house: House, file: Path, out_dir: Path, **asked: Any) -> Translation:
    """Upload, run, follow and write the outputs. Raises the run's error as a ConsiliaError.

    The name of the file may name the patient, so it is in no metadata of the run.
    """
    file_id = await keep(house, file)
    thread_id = new_id()
    creation, _ = threads.creation(DEFAULT_TENANT, thread_id, {"graph_id": WORKFLOW})
    await house.database.writer.write(creation)
    return await _run(house, thread_id, file.name, out_dir, input={"file_id": file_id, **asked})


async def sign_off(house: House, run_id: str, decision: dict[str, Any], out_dir: Path) -> Translation:
    """Decide on a translation that waits. Raises NotWaiting."""
    row = await runs.get(house.database, DEFAULT_TENANT, run_id)
    if row is None or row["graph_id"] != WORKFLOW:
        raise InvalidInput(f"there is no translation with the run {run_id!r}; see: consilia runs list")
    if not await threads.interrupts(house.database, row["thread_id"]):
        raise NotWaiting(f"the translation {run_id} does not wait for a sign-off", run_id=run_id)
    return await _run(house, row["thread_id"], "sign-off", out_dir, resume=decision)


async def _run(
    house: House,
    thread_id: str,
    name: str,
    out_dir: Path,
    *,
    input: dict[str, Any] | None = None,
    resume: dict[str, Any] | None = None,
) -> Translation:
    assistant = await assistants.get(house.database, DEFAULT_TENANT, assistants.default_id(WORKFLOW))
    assert assistant is not None, "open_house makes the default assistants"
    order = Order(
        assistant=assistant,
        input=input,
        command=None if resume is None else {"resume": resume},
        config={},
        context={},
        metadata={"source": "cli"},
        stream_mode=["custom"],
    )
    accepted = await submit(house, DEFAULT_TENANT, order, thread_id)
    run_id: str = accepted.row["run_id"]
    with progress(name) as advance:
        async for event in house.feeds.follow(run_id):
            if event.kind == "node":
                advance(orjson.loads(event.data))
    ended = await (await outcome(house, run_id))
    if ended.error is not None:
        raise ConsiliaError.from_payload(ended.error)
    values = ended.values or {}
    asked = [each["value"] for interrupts in ended.interrupts.values() for each in interrupts]
    prefix = f"{Path(name).stem}." if asked and input is not None else ""
    written = {key: await write(house, file_id, out_dir, prefix) for key, file_id in values["files"].items()}
    return Translation(run_id, ended.status, values, asked[0] if asked else None, written)


class progress:
    """A progress bar over the workflow's steps, with the batches of the longest one; nothing where no terminal is."""

    def __init__(self, name: str) -> None:
        self._progress = Progress(*progress_columns(), console=err, transient=True)
        self._task = self._progress.add_task("starting", total=len(STEPS) - 3, name=escape(name))
        self._batches = self._done = 0

    def __enter__(self) -> "progress":
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def __call__(self, node: dict[str, Any]) -> None:
        told = STEPS.get(node["node"], node["node"])
        started = node["phase"] == "started"
        if node["node"] == "translate":
            self._batches += started
            self._done += not started
            self._progress.update(self._task, description=f"{told}: {self._done} of {self._batches} batches")
            if started or self._done < self._batches:
                return
        elif started:
            self._progress.update(self._task, description=told)
            return
        self._progress.advance(self._task)


def print_translation(done: Translation) -> None:
    """What must be checked first, what is left to translate, and where the files are."""
    told = done.values["translation"]
    out.print(f"\n{_STATUS[done.outcome]}   [dim]by {escape(str(told['engine']))}[/]")
    shares = [f"{target} {_share(each)}" for target, each in told["coverage"].items()]
    counts = told["counts"]["by_severity"]
    shown = "  ".join(f"[{_COLOURS[name]}]{counts[name]} {name}[/]" for name in _COLOURS)
    out.print(f"  translated: {', '.join(shares)}   alarms: {shown}", highlight=False)
    _print_alarms(told["alarms"], told["cautions"])
    if told["advice"]:
        _print_advice(told["advice"], told["targets"])
    left: Sequence[dict[str, Any]] = [each for each in told["untranslated"] if each["page"]]
    if left:
        out.print(f"  [yellow]{len(left)} segments are not translated[/], in whole or in part:", highlight=False)
        for each in left[:_LISTED]:
            pieces = " · ".join(each["pieces"])
            out.print(f"    [dim]{each['segment']}.{each['language']}[/] {escape(pieces[:90])}", highlight=False)
        if len(left) > _LISTED:
            out.print(f"    [dim]… and {len(left) - _LISTED} more, in the files[/]")
    if unsaid := len(told["untranslated"]) - len(left):
        out.print(f"  [yellow]{unsaid} statements of the advice are there in English only[/]", highlight=False)
    for key, path in done.written.items():
        out.print(f"  {key:<12} {path}", highlight=False, soft_wrap=True)
    out.print(f"  {'run':<12} {done.run_id}", highlight=False)
    if done.question is None:
        return
    if done.question["problem"]:
        out.print(f"  [bold red]not taken:[/] {escape(done.question['problem'])}", highlight=False)
    out.print("  The files are drafts with placeholders in the place of people. A clinician releases them:")
    out.print(f"  consilia sign-off {done.run_id} --approve", highlight=False, soft_wrap=True)


def _share(coverage: dict[str, Any]) -> str:
    if coverage["kept"] == coverage["segments"]:
        return "nothing to translate"
    return f"{int(coverage['share'] * 100)}%"


def _print_alarms(alarms: Sequence[dict[str, Any]], cautions: Sequence[dict[str, Any]]) -> None:
    table = Table(box=None, pad_edge=False, show_header=False, width=min(out.width, 160), padding=(0, 2, 0, 2))
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(ratio=1, overflow="fold")
    for each in cautions:
        told = " ".join([each["message"], *(f"“{quote}”" for quote in each["quotes"])])
        table.add_row(f"[{_COLOURS[each['severity']]}]{each['severity']}[/]", "record", escape(told))
    for each in alarms:
        colour = _COLOURS[each["severity"]]
        told = f"{each['kind']}: {each['why']}"
        table.add_row(f"[{colour}]{each['severity']}[/]", escape(each["id"]), escape(told))
    if table.row_count:
        out.print(table)


def _print_advice(advice: Sequence[dict[str, Any]], targets: Sequence[str]) -> None:
    for each in advice:
        said = next((each["translations"][one] for one in targets if one in each["translations"]), each["text"])
        cited = ", ".join(dict.fromkeys(one["entry"] for one in each["citations"])) or "no source"
        out.print(f"  [{_COLOURS[each['severity']]}]•[/] {escape(said)} [dim]({escape(cited)})[/]", highlight=False)
