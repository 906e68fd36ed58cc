"""Medical translation: a record in, a verified translation out."""
