"""Store layers as the product of two thin matrices."""
