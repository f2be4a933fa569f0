"""Broken builds: the server with one fault put in from outside, which `audibility` must catch. The product has no such switch."""
