"""A small, fast SIP user agent for many phones on one UDP socket. Independent of the server's own SIP stack on purpose."""
