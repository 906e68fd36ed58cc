"""Whether a recommendation suits a client: the client's class, the products' classes, and limits with their sources."""
