"""Traffic: what models are asked is kept where somebody wants it, compared with what they were made from, and learnt from."""
