"""What the window says when something went wrong: texts by failure code, and the card that shows them."""
