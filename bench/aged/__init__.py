"""A server whose streams have been sending for twenty minutes: their numbers roll over soon. The product has no such switch."""
