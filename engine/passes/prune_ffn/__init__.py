"""Remove neurons of the feed-forward networks."""
