"""Runtimes: each turns a checkpoint into an artefact and an artefact into an open session."""
