"""What kept predictions look like beside the ground truth: errors, crops, profiles; arrays and PNG files."""
