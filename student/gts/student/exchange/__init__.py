"""Students in the forms of other tools."""
