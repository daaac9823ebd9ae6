"""Every SQL statement of the birthday service, one named function each.

`people` and `dates` are what the API asks, `claiming` how what is due becomes chunks, `chunks` how they
reach one worker, `rendering` what it sends, `settling` how chunks end.
"Now" is `lamppost.now()` for what is due and the wall clock for leases.
"""
