"""Teachers that say how alike two texts are, and pairs mined from single sentences."""
