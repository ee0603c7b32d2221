"""Set the least important weights to zero."""
