"""Financial advice: figures from tools, suitability by rule, every step on record."""
