"""Liability, insurance and warranty in English contracts."""

from tools.contracts.rules import Rule, cue, rule

RULES: tuple[Rule, ...] = (
    rule(
        "cap_on_liability",
        r"liab|damages",
        cue(r"(aggregate|total|maximum|cumulative)( \w+)? liability", 1.0),
        cue(r"in no event (shall|will)", 0.5),
        cue(r"consequential|incidental|indirect|punitive", 0.6),
        heading=(cue(r"limitation|limit of liab", 0.5),),
    ),
)
