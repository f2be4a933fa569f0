"""RTP: headers, digits, playout and sockets as arrays over all legs; knows packets, not mixes."""
