"""Files of daily values: what format they are in, what they hold, and what is wrong with them."""
