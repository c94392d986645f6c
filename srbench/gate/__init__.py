"""The gate: two result sets and a policy in, verdicts out."""
