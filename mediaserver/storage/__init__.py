"""What is kept of calls and supervision: a journal on disk, a process that brings it into a database, and the database's tables."""
