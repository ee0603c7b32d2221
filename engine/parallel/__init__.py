"""Placement of a model on the machine: replicas, layers over devices."""
