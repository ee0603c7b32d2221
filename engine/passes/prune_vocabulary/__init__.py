"""Keep the tokens that a text or a word list uses, and leave the others out."""
