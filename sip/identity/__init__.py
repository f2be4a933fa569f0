"""Who is calling, who vouches for it, who diverted the call, and what of it may be shown (RFC 3323, 3325, 5806, 7044)."""
