"""The command line: `hasten VERB …`. Verbs import what they need when they run, so that --help is quick."""

from engine.cli.main import app, main

__all__ = ["app", "main"]
