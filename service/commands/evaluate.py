"""`consilia evaluate`: how well a workflow does on labelled data."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer
from rich.progress import track
from rich.table import Table

from service.commands.terminal import JsonOption, err, out, print_json, run

if TYPE_CHECKING:
    from workflows.contract_review import evaluation


def evaluate(
    workflow: Annotated[
        Literal[
            "contract_review", "medical_translation", "medical_extraction", "medical_identity", "financial_advisor"
        ],
        typer.Argument(help="What to evaluate."),
    ],
    data: Annotated[
        Path | None,
        typer.Option(
            help="contract_review: folder with labels.json and contracts/ in the form of CUAD (required). "
            'medical_translation: folder of JSON Lines {"source", "source_lang", "target", "target_lang"}; '
            "default: the project's own sentences. medical_extraction: folder of gold records key-data-*.txt; default: "
            "the project's own."
        ),
    ] = None,
    out_dir: Annotated[
        Path | None, typer.Option("--out", "-o", help="Folder for predictions.json, scores.json and the plot.")
    ] = None,
    seed: Annotated[
        int,
        typer.Option(
            help="medical_translation: seed of the injected errors; medical_identity: of the people; "
            "financial_advisor: of the made-up figures."
        ),
    ] = 1,
    json: JsonOption = False,
) -> None:
    """Score a workflow's embedded engine against labels written by experts, with a plot.

    contract_review finds clauses; medical_translation finds errors injected into correct translations, one at a time;
    medical_extraction reads key data from records; medical_identity hides people planted in records; financial_advisor
    tells made-up figures from those that a tool returned.
    """
    if workflow == "medical_translation":
        _evaluate_translation(data, out_dir, seed, json)
        return
    if workflow == "medical_extraction":
        _evaluate_extraction(data, out_dir, json)
        return
    if workflow == "medical_identity":
        _evaluate_identity(seed, json)
        return
    if workflow == "financial_advisor":
        _evaluate_figures(seed, out_dir, json)
        return
    if data is None or out_dir is None:
        raise typer.BadParameter("contract_review needs --data DIR (in the form of CUAD) and --out DIR")
    _evaluate_review(data, out_dir, json)


def _evaluate_review(data: Path, out_dir: Path, json: bool) -> None:
    from workflows.contract_review import evaluation  # heavy: --help does without

    async def work() -> evaluation.Scores:
        contracts = evaluation.load(data)
        shown = track(evaluation.predict(contracts), "finding clauses", len(contracts), console=err, transient=True)
        predictions = dict(shown)
        return evaluation.write(evaluation.score(contracts, predictions), predictions, out_dir)

    scores = run(work())
    if json:
        print_json(scores.model_dump())
        return
    _print(scores)
    out.print(f"\n[dim]written: {out_dir}/predictions.json, scores.json, scores.svg[/]")


def _evaluate_translation(data: Path | None, out_dir: Path | None, seed: int, json: bool) -> None:
    from workflows.medical_translation import evaluation

    async def work() -> evaluation.Scores:
        scores = evaluation.evaluate(seed=seed, pairs=evaluation.load(data))
        if out_dir is not None:
            evaluation.write(scores, out_dir)
        return scores

    scores = run(work())
    if json:
        print_json(scores.model_dump(mode="json"))
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("injected error")
    for name in ("injected", "found", "recall"):
        table.add_column(name, justify="right")
    for kind, each in scores.kinds.items():
        table.add_row(kind, str(each.injected), str(each.found), f"{each.recall:.3f}")
    out.print(table)
    out.print(
        f"critical recall {scores.critical_recall:.3f}   false alarms a sentence {scores.false_alarm_rate:.3f}   ",
        end="",
    )
    out.print(f"on {scores.pairs} pairs, seed {seed}")


def _evaluate_extraction(data: Path | None, out_dir: Path | None, json: bool) -> None:
    from workflows.medical_translation import extraction_evaluation as evaluation

    async def work() -> evaluation.Scores:
        scores = evaluation.evaluate(evaluation.load(data))
        if out_dir is not None:
            evaluation.write(scores, out_dir)
        return scores

    scores = run(work())
    if json:
        print_json(scores.model_dump(mode="json"))
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("kind")
    for name in ("facts", "precision", "recall", "F1"):
        table.add_column(name, justify="right")
    for kind, each in [*scores.kinds.items(), ("[bold]all (micro)[/]", scores.overall)]:
        table.add_row(kind, str(each.gold), f"{each.precision:.3f}", f"{each.recall:.3f}", f"{each.f1:.3f}")
    out.print(table)
    out.print(f"F1 {scores.overall.f1:.3f}, by its words alone {scores.named.f1:.3f}   on {scores.records} records")


def _evaluate_identity(seed: int, json: bool) -> None:
    from workflows.medical_translation import identity_evaluation as evaluation

    scores = evaluation.evaluate(seed)
    if json:
        print_json(scores.model_dump(mode="json"))
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("identities")
    for name in ("planted", "hidden", "recall"):
        table.add_column(name, justify="right")
    for kind, each in scores.kinds.items():
        table.add_row(kind, str(each.planted), str(each.hidden), f"{each.recall:.3f}")
    out.print(table)
    out.print(f"recall {scores.recall:.3f}   precision {scores.precision:.3f}   on {scores.records} records, ", end="")
    out.print(f"seed {seed}")


def _print(scores: "evaluation.Scores") -> None:
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("category")
    for name in ("contracts", "presence P", "R", "F1", "passage P", "R", "F1"):
        table.add_column(name, justify="right")
    rows: list[tuple[str, Any]] = [*scores.categories.items(), ("[bold]all (micro)[/]", scores.overall)]
    for name, each in rows:
        figures = (each.presence, each.passage)
        cells = [f"{value:.2f}" for figure in figures for value in (figure.precision, figure.recall, figure.f1)]
        table.add_row(name, str(each.contracts), *cells)
    out.print(table)
    out.print(f"grounded {scores.grounded:.4f}   presence F1 {scores.overall.presence.f1:.3f}   ", end="")
    out.print(f"passage F1 {scores.overall.passage.f1:.3f}")


def _evaluate_figures(seed: int, out_dir: Path | None, json: bool) -> None:
    from workflows.financial_advisor import evaluation

    async def work() -> evaluation.Scores:
        with err.status("checking true and made-up figures …"):
            return await evaluation.evaluate(seed)

    scores = run(work())
    if out_dir is not None:
        out_dir.mkdir(parents=True, exist_ok=True)
        (out_dir / "scores.json").write_text(scores.model_dump_json(indent=2), "utf-8")
    if json:
        print_json(scores.model_dump(exclude={"missed", "lost"}))
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("figure")
    for name in ("made up", "caught", "of something else", "caught", "true", "removed"):
        table.add_column(name, justify="right")
    for kind, each in scores.kinds.items():
        swaps = f"{each.swaps_caught / each.swapped:.3f}" if each.swapped else "–"
        row = (each.made_up, f"{each.recall:.3f}", each.swapped, swaps, each.true, each.removed)
        table.add_row(kind, *map(str, row))
    out.print(table)
    told = sum(each.true for each in scores.kinds.values())
    out.print(f"{len(scores.lost)} of {told} true sentences taken for wrong   seed {seed}")
