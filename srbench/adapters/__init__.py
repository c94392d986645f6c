"""What a model promises, and who keeps the promise: the contract, the networks, and the zero-code models."""
