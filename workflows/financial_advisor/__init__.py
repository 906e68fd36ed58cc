"""Financial advice: figures from tools, suitability by rule, every step on record."""

DESCRIPTION = "Advises on funds and portfolios in conversation: figures from tools, suitability by rule, a report."
