"""Leaderboards from a journal: what a reader sees, as data first and then as text, tables and pages."""
