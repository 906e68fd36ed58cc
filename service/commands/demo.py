"""`consilia demo`: sample contracts reviewed, a record translated, a portfolio advised on, without a model."""

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
PORTFOLIO, CLIENT = "portfolio.csv", "client.toml"
QUESTIONS = ("分析我的组合", "And with half the risk?")
"""A conversation about the sample portfolio; the second question follows up on the first."""


def demo(
    samples: Annotated[Path, typer.Option(help="Folder of the samples.")] = Path("samples"),
    out_dir: OutOption = Path("out"),
    config: ConfigOption = None,
) -> None:
    """Review sample contracts, translate a record, advise on a portfolio: no model, no key, no network."""
    from service.commands.advising import Conversation, ask, given, show
    from service.commands.reviewing import print_review, review_file  # heavy: --help does without
    from service.commands.translating import print_translation, translate_file
    from service.database.tables import DEFAULT_TENANT
    from service.house import open_house
    from service.market import ensure_synthetic

    chosen = settings(config)
    configure_logs("error")
    wanted = [*(sample.file for sample in SAMPLES), RECORD, PORTFOLIO, CLIENT]
    missing = [name for name in wanted if not (samples / name).is_file()]
    if missing:
        err.print(f"[bold red]error[/] {samples} lacks {', '.join(missing)}; run this in a checkout of Consilia")
        raise typer.Exit(2)

    async def work() -> tuple[float, float, float]:
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
            translated = time.perf_counter()
            await ensure_synthetic(house.database, DEFAULT_TENANT)
            talk = Conversation(house, out_dir / "advice", given(samples / PORTFOLIO, samples / CLIENT))
            for question in QUESTIONS:
                out.print(f"\n[bold]{PORTFOLIO}[/]   {question}   [dim]by embedded, on synthetic market data[/]")
                show(await ask(talk, question), brief=True)
        return reviewed - started, translated - reviewed, time.perf_counter() - translated

    review_seconds, translation_seconds, advice_seconds = run(work())
    told = (
        f"{len(SAMPLES)} contracts reviewed in {review_seconds:.1f} s, "
        f"one record translated and verified in {translation_seconds:.1f} s, "
        f"{len(QUESTIONS)} questions on a portfolio answered in {advice_seconds:.1f} s"
    )
    out.print(f"\n[bold green]{told}[/] by the embedded engine, no model asked.")
    out.print("Open the reports in a browser and the Word documents in Word or LibreOffice.")
    out.print("Next: consilia review CONTRACT.docx --party NAME    consilia translate RECORD --to en")
    out.print("      consilia advise --holdings FILE.csv --profile FILE.toml    make serve")
