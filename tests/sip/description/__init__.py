"""Tests of `sip.description` and of offers and answers with it."""
