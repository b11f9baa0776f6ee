"""Students that summarise by choosing pieces of a text."""
