"""Metrics: what can be measured of an open session, alone or against the original's."""
