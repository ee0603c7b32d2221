"""The user's settings, kept in HASTEN_HOME/settings.json."""
