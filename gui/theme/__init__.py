"""How the window looks: tokens, stylesheet, icons, fonts."""
