"""GTS: the teacher room."""
