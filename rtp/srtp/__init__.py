"""SRTP (RFC 3711, RFC 7714): packets and reports closed and opened in place, by libsrtp. Knows keys and bytes, no legs and no sockets."""
