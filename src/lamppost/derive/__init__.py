"""What follows from a declaration. Pure: no network, no files but the manifest, nothing installed."""
