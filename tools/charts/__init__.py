"""Small accessible charts as SVG: no script, no external resource, light and dark, each with its figures as a table."""
