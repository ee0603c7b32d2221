"""Actions as data; menus and the command palette are made from them."""
