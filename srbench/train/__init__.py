"""Training: recipes, patches, losses, and the loop; small, exact, and the same to the bit when repeated."""
