"""Drafting faults as findings: broken references, undefined terms, blanks, gaps in the numbering."""

from tools.contracts.contract import Amendment, Finding, ProblemKind, Severity, Structure

_SEVERITY: dict[ProblemKind, Severity] = {
    "broken_reference": "medium",
    "undefined_term": "medium",
    "duplicate_definition": "medium",
    "blank": "medium",
    "numbering_gap": "low",
    "unused_definition": "low",
}
_WHY: dict[ProblemKind, tuple[str, str]] = {
    "broken_reference": (
        "The reference points to a part that this contract does not have",
        "引用的条款在本合同中不存在",
    ),
    "undefined_term": ("The capitalised term is used but nowhere defined", "使用了未经定义的术语"),
    "unused_definition": ("The term is defined but never used", "术语已定义但未使用"),
    "duplicate_definition": ("The term is defined more than once", "术语被重复定义"),
    "numbering_gap": ("The numbering skips or repeats a number", "条款编号缺漏或重复"),
    "blank": ("A blank was left to be filled in", "存在未填写的空白"),
}
_DO: dict[ProblemKind, tuple[str, str]] = {
    "broken_reference": ("Correct the reference or add the part that is meant.", "请更正引用，或补充所指条款。"),
    "undefined_term": ("Add a definition, or use a defined term.", "请补充定义，或改用已定义的术语。"),
    "unused_definition": (
        "Delete the definition, or use the term where it is meant.",
        "请删除该定义，或在相应处使用该术语。",
    ),
    "duplicate_definition": ("Keep one definition and delete the other.", "请保留一处定义，删除另一处。"),
    "numbering_gap": ("Renumber, and check the references that depend on it.", "请重新编号，并核对相关引用。"),
    "blank": ("Fill in the blank before signing, or delete it.", "请于签署前填写或删除。"),
}


def structure_findings(text: str, structure: Structure, language: str) -> list[Finding]:
    """One finding a problem, each with a margin comment that says what to do; nothing is changed unasked."""
    findings: list[Finding] = []
    for problem in structure.problems:
        why, todo, rule = _WHY[problem.kind], _DO[problem.kind], f"structure.{problem.kind}"
        reason = {
            "en": f"{why[0]}: {problem.message}. {todo[0]} (check {rule})",
            "zh": f"{why[1]}：“{problem.quote}”。{todo[1]}（检查项 {rule}）",
        }
        old = text[problem.start : problem.end]
        clause = structure.clause_at(problem.start)
        findings.append(
            Finding(
                id="",
                category="structure",
                severity=_SEVERITY[problem.kind],
                kind="structure",
                rule=rule,
                reason=reason,
                quote=old,
                start=problem.start,
                end=problem.end,
                page=None,
                clause=clause.id if clause else None,
                amendment=Amendment(
                    start=problem.start,
                    end=problem.end,
                    old=old,
                    new=old,
                    comment=reason["zh" if language == "zh" else "en"],
                ),
                confidence=0.9,
                said_by="embedded",
            )
        )
    return findings
