"""Plots: plain data first, then SVG text; everything that a picture shows is decided in the data."""
