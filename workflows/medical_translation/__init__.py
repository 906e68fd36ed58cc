"""Medical translation: a record in, a verified translation out."""

DESCRIPTION = (
    "Translates a medical record, verifies every segment by rule, extracts key data as FHIR, and advises with "
    "citations; a clinician signs it off."
)
