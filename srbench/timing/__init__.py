"""Measuring what a model costs: time, memory, multiply-adds, and the machine's state meanwhile."""
