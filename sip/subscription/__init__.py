"""Event notification, the notifier's side (RFC 6665): subscriptions of phones to what we know, and the NOTIFYs to them."""
