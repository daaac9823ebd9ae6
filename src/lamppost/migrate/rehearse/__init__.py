"""A rehearsal: the files on a server that nobody uses, with rows to work on, and what they really did."""
