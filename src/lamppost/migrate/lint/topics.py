"""What a rule may look at besides a kind of statement, so that it is not asked where it has nothing to say.

Asking every rule about every statement took two fifths of a run.
"""


class Strangers:
    """Statements that may name what is not the service's own."""


class Constrained:
    """An `alter table` that adds a column with a constraint written at it."""


class Labelled:
    """Statements in a file that has just added a label to an enum."""


class Numbered:
    """Statements with parameters, and all of a job that walks a table."""


class Complete:
    """Every statement, where a catalog knows all there is."""
