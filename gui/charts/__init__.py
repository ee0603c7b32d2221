"""Charts: one-pixel pens, theme colours, and a table with the same numbers for each."""
