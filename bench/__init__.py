"""bench: the project's own load generator and its judges. It speaks SIP and RTP with code of its own, never with the server's."""
