"""Ablations: a claim of the literature as a controlled experiment, with an effect and its interval."""
