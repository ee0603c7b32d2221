"""Display-ready comparisons: table, text differences, verdict."""
