"""Explaining a figure: which recipe, or which usual mistake, gives the number that somebody printed."""
