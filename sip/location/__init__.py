"""Where a request goes (RFC 3263): hops for a URI, in order, and which of them to leave alone for a time."""
