"""Tests of the transactions, timer by timer."""
