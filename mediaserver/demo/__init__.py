"""The demo: its configuration. Its calls are made by `bench`."""
