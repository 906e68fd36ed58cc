"""licence rules in English contracts."""

from tools.contracts.rules import Rule

RULES: tuple[Rule, ...] = ()
