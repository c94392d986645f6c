"""The image core: MATLAB-exact resize and colour, crops, and strict image files. Pure functions."""
