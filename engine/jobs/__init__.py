"""What each job does. One file a job; the worker looks them up in the catalogue."""
