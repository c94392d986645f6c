"""What was measured: the append-only journal, its provenance, and the tables derived from it."""
