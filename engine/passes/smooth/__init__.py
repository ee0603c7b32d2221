"""Share the burden of rounding between activations and weights."""
