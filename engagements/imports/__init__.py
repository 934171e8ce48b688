"""Reading files of work: pure functions from bytes to rows, from rows to facts. Nothing here knows a database."""
