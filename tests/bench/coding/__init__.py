"""Tests of the codecs of the bench's phones."""
