"""Where runs and their calls are kept: a file, a PostgreSQL server, or, for tests, memory."""
