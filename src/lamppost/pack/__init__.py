"""What is shipped: the system found in a repository, its manifest, its zips."""
