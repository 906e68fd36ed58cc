"""Words of medicine by language, as TOML read by `tools.medicine.lexicon`."""
