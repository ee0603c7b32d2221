"""What is open: a checkpoint and a recipe, edited by undoable commands."""
