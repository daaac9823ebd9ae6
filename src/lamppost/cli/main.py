"""`lamppost` begins here. One command goes ahead of the others: a hook runs `migrate lint` for every commit.

Setting all commands up takes longer than linting a file does.
"""

import sys


def main() -> None:
    """Run the command line and leave with its exit code."""
    if sys.argv[1:3] == ["migrate", "lint"]:
        from lamppost.cli.migrate.lint import main as lint

        sys.exit(lint(sys.argv[3:]))
    from lamppost.cli.commands import run

    sys.exit(run(sys.argv[1:]))
