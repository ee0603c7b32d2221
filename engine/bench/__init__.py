"""Measuring: conditions, statistics, interleaved runs, profiles."""
