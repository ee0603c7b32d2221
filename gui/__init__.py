"""The window. It imports the engine's torch-free parts only; heavy work happens in the engine process."""
