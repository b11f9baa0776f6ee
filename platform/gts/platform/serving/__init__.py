"""Serving: students from the registry answer requests, many students in one process and many requests in one call."""
