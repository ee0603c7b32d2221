"""The unmodified Transformers model in its own dtype: the baseline of every comparison."""
