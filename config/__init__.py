"""Settings: their models, how they are loaded, and the defaults."""
