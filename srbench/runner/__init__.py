"""Running: plan what to do, evaluate it cell by cell, keep every result."""
