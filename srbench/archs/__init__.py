"""Networks only, as pure modules: one file per paper, tensor names as in the checkpoints people have."""
