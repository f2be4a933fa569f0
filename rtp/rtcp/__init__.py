"""RTCP (RFC 3550 §6, RFC 3611): packets read and written, and when to send them. Bytes and values; no sockets, no clock."""
