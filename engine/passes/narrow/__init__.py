"""Make layers narrower: what the passes that remove neurons and heads share."""
