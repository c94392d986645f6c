"""Metrics: what each score is, and who computes it. One file per metric; `catalog` lists them."""
