"""What a deployment would change: two sets of templates, compared."""
