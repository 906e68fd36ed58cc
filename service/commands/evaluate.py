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
    workflow: Annotated[Literal["contract_review"], typer.Argument(help="The workflow to evaluate.")],
    data: Annotated[Path, typer.Option(help="Folder with labels.json and contracts/ in the form of CUAD.")],
    out_dir: Annotated[Path, typer.Option("--out", "-o", help="Folder for predictions.json, scores.json, the plot.")],
    json: JsonOption = False,
) -> None:
    """Score a workflow's embedded engine against labels written by experts, with a plot."""

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
    out.print(f"\n[dim]written: {out_dir}/predictions.json, scores.json, scores.svg, scores.png[/]")


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
