"""What to do with a checkpoint: an ordered list of passes with options, then a target."""
