"""Test sets: manifests, the user's copies of the images, and the frames a model is fed with."""
