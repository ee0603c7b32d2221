"""Store and compute in 16 bits where that is safe."""
