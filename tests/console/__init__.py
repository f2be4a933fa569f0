"""The supervisor's page in a real browser: its looks and load over a desk that tests fill, its audio in tests/interop."""
