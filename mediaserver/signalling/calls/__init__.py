"""The calls that are live: their legs, and what their machines decided carried out."""
