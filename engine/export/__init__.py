"""Take a result away: one file per format."""
