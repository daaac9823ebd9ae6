"""AWS's APIs on one loopback port, in AWS's own wire protocols, for unmodified SDKs and `aws`."""
