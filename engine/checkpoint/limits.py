"""Sizes that reading and writing keep to. No torch."""

from __future__ import annotations

# A written weight file holds at most this much, unless one tensor alone is larger; so much waits in memory.
SHARD_BYTES = 256 * 2**20

# So much of a checkpoint's files is mapped after reading before they are mapped anew.
MAPPED_BYTES = 128 * 2**20
