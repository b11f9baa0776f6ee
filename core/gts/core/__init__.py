"""GTS: the core room."""
