"""Fuzzing with atheris: targets that allow documented errors only, and what was found as regression tests."""
