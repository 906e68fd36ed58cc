"""The knowledge base: drugs, conditions, interactions and allergies, curated for this project, each with its source.

Facts for a professional, not a prescription: the named source is the authority, and where sources differ the more
careful figure was taken. What is not known here is said to be unknown, never taken as harmless.
"""
