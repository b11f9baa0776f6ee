"""Writes new texts in the user's domain and filters them."""
