"""Two or more models compared on one page that can be mailed."""
