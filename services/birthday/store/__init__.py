"""Every SQL statement of the birthday service, one named function each.

`people` is what the API asks, `claiming` how greetings become chunks, `settling` how chunks end.
"Now" is `lamppost.now()` for what is due and the wall clock for leases.
"""
