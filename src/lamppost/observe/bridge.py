"""Brings the standard `logging` of libraries into the house's one line of JSON."""

import logging
import os

from lamppost.observe.log import Log, level_from

_NAMES = {logging.DEBUG: "debug", logging.INFO: "info", logging.WARNING: "warning"}


class Bridge(logging.Handler):
    """A `logging` handler that writes through `Log`."""

    def __init__(self, log: Log) -> None:
        super().__init__()
        self._log = log

    def emit(self, record: logging.LogRecord) -> None:
        """Write one record; an exception in it becomes the fields `error` and `stack`."""
        say = getattr(self._log, _NAMES.get(record.levelno, "error"))
        fields: dict[str, object] = {"logger": record.name}
        if record.exc_info and record.exc_info[1] is not None:
            fields["error"] = repr(record.exc_info[1])
            fields["stack"] = logging.Formatter().formatException(record.exc_info)
        say(record.getMessage(), **fields)


def install() -> None:
    """Replace the root logger's handlers (Lambda's runtime client sets its own) by the bridge."""
    level = level_from(os.environ)
    # Libraries at debug would drown the author's own lines: they start at warning unless asked for less.
    logging.root.handlers[:] = [Bridge(Log())]
    logging.root.setLevel(max(level, logging.WARNING) if level > logging.DEBUG else level)
