"""What a system looks like: read off its declaration, laid out by our own few rules, drawn three ways."""
