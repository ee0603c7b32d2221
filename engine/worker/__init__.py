"""The engine process: jobs in on stdin, events out on stdout."""
