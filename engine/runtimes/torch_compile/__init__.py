"""The model compiled by torch.compile, with a static key-value cache."""
