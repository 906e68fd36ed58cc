"""`consilia translate` and `consilia sign-off`: a medical record, from a file on disk to a signed translation."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from service.commands.terminal import ConfigOption, JsonOption, configure_logs, print_json, run, settings
from tools.errors import InvalidInput

OutOption = Annotated[Path, typer.Option("--out", "-o", help="Folder for the HTML, DOCX, XLIFF, FHIR and JSON.")]


class SignOff(StrEnum):
    always = "always"
    critical = "critical"


class Dates(StrEnum):
    keep = "keep"
    shift = "shift"
    hide = "hide"


def translate(
    file: Annotated[Path, typer.Argument(help="The record: TXT, DOCX, PDF with text, FHIR Bundle JSON, or HL7 CDA.")],
    to: Annotated[str, typer.Option("--to", "-t", help="Target languages, with commas between: en,fr,zh-Hans.")] = "en",
    source: Annotated[
        str | None, typer.Option(help="The record's main language; told from the text by default.")
    ] = None,
    sign_off: Annotated[
        SignOff, typer.Option(help="critical: release without a clinician where no alarm is critical.")
    ] = SignOff.always,
    dates: Annotated[Dates, typer.Option(help="Dates of care in what models see: keep, shift, or hide.")] = Dates.keep,
    second_opinion: Annotated[
        bool, typer.Option(help="Translate back and have a second model judge, where the pool has models.")
    ] = False,
    out_dir: OutOption = Path("out"),
    config: ConfigOption = None,
    json: JsonOption = False,
) -> None:
    """Translate a medical record: every segment verified by rule, key data as FHIR, advice with citations.

    The run then waits for a clinician's sign-off; until then the files are drafts without names.
    """
    from service.commands.translating import (  # heavy: --help does without
        Translation,
        print_translation,
        translate_file,
    )
    from service.house import open_house

    chosen = settings(config)
    configure_logs("error")
    targets = [each.strip() for each in to.split(",") if each.strip()]
    asked: dict[str, Any] = {
        "targets": targets,
        "source": source,
        "sign_off": sign_off.value,
        "dates": dates.value,
        "second_opinion": second_opinion,
    }

    async def work() -> Translation:
        async with open_house(chosen) as house:
            return await translate_file(house, file, out_dir, **asked)

    _show(run(work()), json, print_translation)


def sign_off(
    run_id: Annotated[str, typer.Argument(help="The run, as `consilia translate` prints it.")],
    approve: Annotated[bool, typer.Option("--approve", help="Release the translation.")] = False,
    reject: Annotated[bool, typer.Option("--reject", help="Do not release it; say why with --reason.")] = False,
    edit: Annotated[
        list[str] | None,
        typer.Option(help="SEGMENT.LANGUAGE=new text; it is verified again. May be given many times."),
    ] = None,
    accept: Annotated[
        list[str] | None, typer.Option(help="A critical alarm that you accept, by its id. May be given many times.")
    ] = None,
    reason: Annotated[str, typer.Option(help="Why; kept with the decision.")] = "",
    out_dir: OutOption = Path("out"),
    config: ConfigOption = None,
    json: JsonOption = False,
) -> None:
    """Decide on a translation that waits: approve, edit segments, or reject. The decision is kept with the run."""
    from service.commands.translating import Translation, print_translation  # heavy: --help does without
    from service.commands.translating import sign_off as decide
    from service.house import open_house

    chosen = settings(config)
    configure_logs("error")

    async def work() -> Translation:
        decision = _decision(approve, reject, edit or [], accept or [], reason)
        async with open_house(chosen) as house:
            return await decide(house, run_id, decision, out_dir)

    _show(run(work()), json, print_translation)


def _decision(approve: bool, reject: bool, edits: list[str], accepted: list[str], reason: str) -> dict[str, Any]:
    if approve + reject + bool(edits) != 1:
        raise InvalidInput("give one of --approve, --reject and --edit")
    told = {"reason": reason} if reason or reject else {}
    if approve:
        return {"decision": "approve", "accepted": accepted, **told}
    if reject:
        return {"decision": "reject", **told}
    return {"decision": "edit", "edits": [_edit(each) for each in edits], **told}


def _edit(given: str) -> dict[str, str]:
    place, equals, text = given.partition("=")
    segment, dot, language = place.partition(".")
    if not (equals and dot and text.strip()):
        raise InvalidInput("an edit is SEGMENT.LANGUAGE=text, such as s12.en=No chest pain.")
    return {"segment": segment.strip(), "language": language.strip(), "text": text.strip()}


def _show(done: Any, json: bool, print_it: Any) -> None:
    if json:
        print_json(done.as_json())
    else:
        print_it(done)
