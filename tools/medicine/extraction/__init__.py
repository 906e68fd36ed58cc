"""Key data of a medical record: what stands in it, each with the words that say it."""
