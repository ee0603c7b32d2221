"""The versioned messages that cross the process boundary: jobs in, events out, one JSON object a line."""
