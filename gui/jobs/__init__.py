"""The window's side of the engine process: a thread that owns the child, and handles to its jobs."""
