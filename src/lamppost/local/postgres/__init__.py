"""PostgreSQL on one machine: its programs, who runs them, and one supervised server or somebody else's.

`cluster.Cluster` starts, adopts and stops an embedded server; `external.External` uses an existing one.
Neither imports psycopg until it must, so that the server starts before anything else does.
"""
