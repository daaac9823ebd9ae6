"""`lamppost` begins here. One command goes ahead of the others: a hook runs `migrate lint` for every commit.

Setting all commands up takes longer than linting a file does.
"""

import os
import sys


def main() -> None:
    """Run the command line and leave with its exit code."""
    if sys.argv[1:3] == ["migrate", "lint"]:
        from lamppost.cli.migrate.lint import main as lint

        code = lint(sys.argv[3:])
        sys.stdout.flush()
        sys.stderr.flush()
        # Taking apart all that a run has built would take a fifth of the time that one file takes.
        os._exit(code)
    from lamppost.cli.commands import run

    sys.exit(run(sys.argv[1:]))
