"""A network made of numbers: packets with their send times go in, the same packets with their arrival times come out. Seeded and pure."""
