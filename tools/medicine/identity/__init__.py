"""Who somebody is, taken out of a record and put back: de-identification that can be undone."""
