"""`consilia demo`: the sample contracts, reviewed without a model."""

import time
from pathlib import Path
from typing import Annotated, Literal, NamedTuple

import typer

from service.commands.contracts import OutOption
from service.commands.terminal import ConfigOption, configure_logs, err, out, run, settings


class Sample(NamedTuple):
    """A sample contract, for whom we review it, and with which playbook."""

    file: str
    party: str
    playbook: str
    languages: list[Literal["en", "zh"]]


SAMPLES = (
    Sample("master-services-agreement.docx", "Harbour & Vale Logistics Ltd", "commercial", ["en"]),
    Sample("distribution-agreement.pdf", "Calloway & Finch Medical Supply Corp.", "commercial", ["en"]),
    Sample("设备采购与服务合同.docx", "甲方", "chinese", ["zh", "en"]),
)


def demo(
    samples: Annotated[Path, typer.Option(help="Folder of the sample contracts.")] = Path("samples"),
    out_dir: OutOption = Path("out"),
    config: ConfigOption = None,
) -> None:
    """Review the sample contracts with the embedded engine: no model, no key, no network."""
    from service.commands.reviewing import print_review, review_file  # heavy: --help does without
    from service.house import open_house

    chosen = settings(config)
    configure_logs("error")
    missing = [sample.file for sample in SAMPLES if not (samples / sample.file).is_file()]
    if missing:
        err.print(f"[bold red]error[/] {samples} lacks {', '.join(missing)}; run this in a checkout of Consilia")
        raise typer.Exit(2)

    async def work() -> float:
        started = time.perf_counter()
        async with open_house(chosen) as house:
            for sample in SAMPLES:
                done = await review_file(
                    house,
                    samples / sample.file,
                    out_dir,
                    party=sample.party or None,
                    playbook=sample.playbook,
                    languages=sample.languages,
                )
                print_review(done)
        return time.perf_counter() - started

    seconds = run(work())
    out.print(
        f"\n[bold green]{len(SAMPLES)} contracts reviewed in {seconds:.1f} s[/] by the embedded engine, no model asked."
    )
    out.print("Open the reports in a browser and the redlined documents in Word or LibreOffice.")
    out.print("Next: consilia review YOUR_CONTRACT.docx --party NAME    consilia runs list    make serve")
