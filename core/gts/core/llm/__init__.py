"""Large language models by name: calls in, completions out, whatever serves them. Knows no task."""
