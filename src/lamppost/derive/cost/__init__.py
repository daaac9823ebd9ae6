"""What a stage costs: read off its templates, a stated traffic, and dated prices."""
