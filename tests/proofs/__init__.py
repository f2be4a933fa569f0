"""Longer proofs, by ``make proofs``: the benches against the real server, servers that are killed, real
browsers beside real phones, the image's steps, random requests.

Two run beside each other, so that what they measure is the server and not the other tests.
"""
