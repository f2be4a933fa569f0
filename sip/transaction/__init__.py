"""SIP transactions (RFC 3261 §17, RFC 6026): state tables, client and server transactions, and what matches messages to them."""
