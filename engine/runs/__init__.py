"""Results on disk: immutable runs, the stage cache, their keys and lineage."""
