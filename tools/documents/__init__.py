"""Documents: files of many kinds read into one form, text with pages and offsets."""
