"""The outside: REST, the runs and their database, authorisation, and the command line."""
