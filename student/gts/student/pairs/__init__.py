"""Students that say how alike two texts are: bi-encoder, cross-encoder, token table."""
