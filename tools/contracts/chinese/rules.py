"""Every rule for Chinese contracts, by the groups that a Chinese contract is drafted in."""

from tools.contracts.chinese import commerce, general, liability, property
from tools.contracts.rules import Rule

RULES: tuple[Rule, ...] = (*liability.RULES, *commerce.RULES, *property.RULES, *general.RULES)
