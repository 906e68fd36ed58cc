"""Who thinks: the model pool, routing, and asking for one validated answer."""
