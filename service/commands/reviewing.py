"""Reviewing a file of this machine: upload, run, follow, write the outputs, show the findings."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
from rich.markup import escape
from rich.progress import Progress
from rich.table import Table

from service.commands.terminal import err, out, progress_columns
from service.database import assistants, files
from service.database.tables import DEFAULT_TENANT
from service.house import House
from service.runs.submit import Order, outcome, submit
from tools.contracts.categories import BY_KEY
from tools.errors import ConsiliaError, InvalidInput

STEPS = {
    "ingest": "reading the file",
    "split": "splitting into clauses",
    "identify": "identifying parties, dates and law",
    "find": "finding clauses by category",
    "judge": "judging against the playbook",
    "amend": "proposing amendments",
    "assemble": "writing the report and the redline",
    "approve": "waiting for approval",
}
_PLAYBOOK_RULE = re.compile(r"\s*(\((playbook rule|check) [^)]*\)|（(审阅规则|检查项)[^）]*）)$")
SEVERITY_COLOURS = {"critical": "bold red", "high": "red", "medium": "yellow", "low": "blue"}


@dataclass(frozen=True, slots=True)
class Reviewed:
    """A finished review and where its files were written."""

    run_id: str
    status: str
    review: dict[str, Any]
    written: dict[str, Path]


async def review_file(
    house: House,
    file: Path,
    out_dir: Path,
    *,
    party: str | None,
    playbook: str,
    languages: Sequence[str],
) -> Reviewed:
    """Upload, run, follow and write the outputs. Raises the run's error as a ConsiliaError."""
    kept = await keep(house, file)
    if playbook.endswith(".toml"):
        playbook = await keep(house, Path(playbook))
    assistant = await assistants.get(house.database, DEFAULT_TENANT, assistants.default_id("contract_review"))
    assert assistant is not None, "open_house makes the default assistants"
    order = Order(
        assistant=assistant,
        input={"file_id": kept, "party": party, "playbook": playbook, "languages": list(languages)},
        command=None,
        config={},
        context={},
        metadata={"source": "cli", "file": file.name},
        stream_mode=["values"],
    )
    accepted = await submit(house, DEFAULT_TENANT, order, None)
    run_id: str = accepted.row["run_id"]
    with progress(file.name) as advance:
        async for event in house.feeds.follow(run_id):
            if event.kind == "node":
                advance(orjson.loads(event.data))
    result = await (await outcome(house, run_id))
    if result.error is not None:
        raise ConsiliaError.from_payload(result.error)
    values = result.values or {}
    written = {key: await write(house, file_id, out_dir) for key, file_id in values["files"].items()}
    return Reviewed(run_id, result.status, values["review"], written)


async def keep(house: House, file: Path) -> str:
    """Keep a file of this machine in the database; its id."""
    content = _read(file, house.settings.limits.upload_bytes)
    row = await files.add(house.database, DEFAULT_TENANT, file.name, "application/octet-stream", content)
    return str(row["file_id"])


def _read(file: Path, limit: int) -> bytes:
    try:
        size = file.stat().st_size
        if size > limit:
            raise InvalidInput(f"{file} has {size:,} bytes, the limit is {limit:,} (limits.upload_bytes)")
        return file.read_bytes()
    except OSError as error:
        raise InvalidInput(f"cannot read {str(file)!r}: {error.strerror}") from None


async def write(house: House, file_id: str, out_dir: Path, prefix: str = "") -> Path:
    """Write a file that a run has made into a folder of this machine; its path. prefix: before the file's name."""
    row = await files.get(house.database, DEFAULT_TENANT, file_id)
    assert row is not None, "the run has just written it"
    return _written(out_dir, prefix + row["name"], await files.content(house.database, file_id))


def _written(out_dir: Path, name: str, content: bytes) -> Path:
    """Write the file whole or not at all. Raises InvalidInput when the folder cannot be written."""
    path = out_dir / name
    part = path.with_name(path.name + ".part")
    try:
        out_dir.mkdir(parents=True, exist_ok=True)
        part.write_bytes(content)
        part.replace(path)
    except OSError as error:
        raise InvalidInput(f"cannot write {str(path)!r}: {error.strerror}; choose another folder with --out") from None
    return path


class progress:
    """A progress bar over the workflow's steps on standard error; nothing where that is no terminal."""

    def __init__(self, name: str) -> None:
        self._progress = Progress(*progress_columns(), console=err, transient=True)
        self._task = self._progress.add_task("starting", total=len(STEPS) - 1, name=escape(name))

    def __enter__(self) -> Callable[[dict[str, Any]], None]:
        self._progress.start()
        return self._advance

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def _advance(self, node: dict[str, Any]) -> None:
        if node["phase"] == "started":
            self._progress.update(self._task, description=STEPS.get(node["node"], node["node"]))
        else:
            self._progress.advance(self._task)


def print_review(done: Reviewed) -> None:
    """The findings as a table, worst first, and where the files are."""
    review = done.review
    findings: list[dict[str, Any]] = review["findings"]
    counts = {severity: sum(each["severity"] == severity for each in findings) for severity in SEVERITY_COLOURS}
    shown = "  ".join(f"[{SEVERITY_COLOURS[name]}]{count} {name}[/]" for name, count in counts.items())
    out.print(f"\n[bold]{escape(review['document'])}[/]   {shown}   [dim]by {escape(str(review['engine']))}[/]")
    table = Table(box=None, pad_edge=False, header_style="bold", width=min(out.width, 160))
    table.add_column("severity", no_wrap=True)
    table.add_column("clause", no_wrap=True)
    if review["pages"] > 1:
        table.add_column("page", no_wrap=True, justify="right")
    table.add_column("category", max_width=24)
    table.add_column("why", ratio=1, overflow="fold")
    places = {each["id"]: each["path"] or each["title"] for each in review["structure"]["clauses"]}
    language = review["language"].split("-")[0]
    for each in findings:
        reason = each["reason"].get(language) or next(iter(each["reason"].values()), "")
        category = BY_KEY.get(each["category"])
        cells = [
            f"[{SEVERITY_COLOURS[each['severity']]}]{each['severity']}[/]",
            escape(str(places.get(each["clause"]) or "")[:16]),
            *([str(each["page"] or "")] if review["pages"] > 1 else []),
            (category.zh if language == "zh" else category.en) if category else each["category"],
            escape(_PLAYBOOK_RULE.sub("", reason)),
        ]
        table.add_row(*cells)
    out.print(table)
    if review["party"] is None:
        out.print("  [yellow]No --party was given:[/] “we” is the party named first; say for whom you act to be sure.")
    for label, key in (("Redlined document", "redline"), ("Report", "html"), ("JSON", "json")):
        out.print(f"  {label:<18} {done.written[key]}", highlight=False, soft_wrap=True)
    out.print(f"  {'Run':<18} {done.run_id}", highlight=False)
