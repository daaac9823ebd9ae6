"""Every SQL statement of the users service, one named function each.

The walls are row-level security's: none of these says which tenant or which person, save where that is what
is asked for.
"""
