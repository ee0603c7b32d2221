"""KL divergence."""
