"""Jobs: changes too heavy for a deploy. A walk goes through a table in batches; the others are heavy DDL."""
