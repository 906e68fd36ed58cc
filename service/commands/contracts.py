"""`consilia review`: a contract, from a file on disk to a redlined document."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from service.commands.terminal import ConfigOption, JsonOption, configure_logs, print_json, run, settings

OutOption = Annotated[Path, typer.Option("--out", "-o", help="Folder for the files that are written.")]


class ReportLanguage(StrEnum):
    en = "en"
    zh = "zh"


def review(
    file: Annotated[
        Path, typer.Argument(help="The contract: PDF with text, DOCX, TXT or Markdown; English or Chinese.")
    ],
    party: Annotated[str | None, typer.Option(help="The party we act for, as the contract names it.")] = None,
    playbook: Annotated[
        str, typer.Option(help="commercial, nda, chinese, or the path of your own playbook (.toml).")
    ] = "commercial",
    language: Annotated[
        list[ReportLanguage] | None,
        typer.Option("--language", "-l", help="Language of the report's reasons; may be given twice."),
    ] = None,
    out_dir: OutOption = Path("out"),
    config: ConfigOption = None,
    json: JsonOption = False,
) -> None:
    """Review a contract against a playbook: findings, a report, and the same document redlined.

    The run is kept in the database like any other; see it with: consilia runs show ID
    """
    from service.commands.reviewing import Reviewed, print_review, review_file  # heavy: --help does without
    from service.house import open_house

    chosen = settings(config)
    configure_logs("error")
    languages = [each.value for each in language or []]

    async def work() -> Reviewed:
        async with open_house(chosen) as house:
            return await review_file(house, file, out_dir, party=party, playbook=playbook, languages=languages)

    done = run(work())
    if json:
        files = {key: str(path) for key, path in done.written.items()}
        print_json({"run_id": done.run_id, **done.review, "files": files})
    else:
        print_review(done)
