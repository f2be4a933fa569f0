"""Who did what: the chained and keyed log of supervision, its signed head, how it is checked, and what is reported from it."""
