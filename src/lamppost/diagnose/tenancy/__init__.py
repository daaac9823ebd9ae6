"""Finds what would show one tenant another's rows, in PostgreSQL's catalog: reads only, as any role."""
