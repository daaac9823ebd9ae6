"""Every test may ask for a real PostgreSQL: `postgres_cluster` and `database`."""

pytest_plugins = ("lamppost.testing.plugin",)
