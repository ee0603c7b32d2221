"""Walk a model one decoder or encoder layer at a time."""
