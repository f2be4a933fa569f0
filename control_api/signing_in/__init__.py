"""Signing in: passwords, tokens of OpenID issuers and listen-in links become sessions with short-lived access tokens."""
