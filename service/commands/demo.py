"""`consilia demo`: the sample contracts reviewed and the sample record translated, without a model."""

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


RECORD = "会诊病历.docx"
"""The sample record; it is translated into TARGETS."""
TARGETS = ("en", "fr")


def demo(
    samples: Annotated[Path, typer.Option(help="Folder of the samples.")] = Path("samples"),
    out_dir: OutOption = Path("out"),
    config: ConfigOption = None,
) -> None:
    """Review the sample contracts and translate the sample record: no model, no key, no network."""
    from service.commands.reviewing import print_review, review_file  # heavy: --help does without
    from service.commands.translating import print_translation, translate_file
    from service.house import open_house

    chosen = settings(config)
    configure_logs("error")
    wanted = [*(sample.file for sample in SAMPLES), RECORD]
    missing = [name for name in wanted if not (samples / name).is_file()]
    if missing:
        err.print(f"[bold red]error[/] {samples} lacks {', '.join(missing)}; run this in a checkout of Consilia")
        raise typer.Exit(2)

    async def work() -> tuple[float, float]:
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
            reviewed = time.perf_counter()
            out.print(f"\n[bold]{RECORD}[/]   a medical record, into {' and '.join(TARGETS)}")
            print_translation(await translate_file(house, samples / RECORD, out_dir, targets=list(TARGETS)))
        return reviewed - started, time.perf_counter() - reviewed

    review_seconds, translation_seconds = run(work())
    out.print(
        f"\n[bold green]{len(SAMPLES)} contracts reviewed in {review_seconds:.1f} s, one record translated "
        f"and verified in {translation_seconds:.1f} s[/] by the embedded engine, no model asked."
    )
    out.print("Open the reports in a browser and the Word documents in Word or LibreOffice.")
    out.print("Next: consilia review CONTRACT.docx --party NAME    consilia translate RECORD --to en    make serve")
