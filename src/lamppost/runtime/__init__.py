"""What runs: one entry for every kind of event, on AWS and on one machine alike."""
