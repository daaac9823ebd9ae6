"""The code blocks of our documents, and a shell that types what they show.

A block of Markdown may be preceded by a marker:

    <!-- file: services/notes/api.py -->   the block is that file
    <!-- not run: why -->                  the block is for reading

Every other `console` block is typed into a terminal, line by line behind `$ `, and what comes
back must be what the page shows; `…` stands for anything, alone on a line for any lines.
"""

import fcntl
import os
import pty
import re
import struct
import subprocess
import termios
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec

from tests.contracts import aws_cli
from tests.running import ROOT, House

_BLOCK = re.compile(
    r"^(?:<!-- (?P<marker>[^\n]+?) -->\n)?```(?P<language>\w*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL
)
# Commands that only look may look again: what they wait for happens in another process.
_LOOKS = ("lamppost logs", "lamppost trace", "aws logs", "lamppost queue", "curl -s http://")


class Block(msgspec.Struct, frozen=True):
    """A fenced block: its language, its text, the marker before it and its line."""

    language: str
    text: str
    marker: str
    line: int


class Typed(msgspec.Struct, frozen=True):
    """A command and what the page shows after it."""

    command: str
    shown: str


def pages() -> list[Path]:
    """Every page that is written by hand."""
    return [ROOT / "README.md", ROOT / "docs" / "tour.md", *sorted((ROOT / "docs" / "guides").glob("*.md"))]


def blocks(page: Path) -> list[Block]:
    """The page's blocks, in order."""
    text = page.read_text()
    return [
        Block(match["language"], match["text"], match["marker"] or "", text.count("\n", 0, match.start()) + 1)
        for match in _BLOCK.finditer(text)
    ]


def typed(block: Block) -> Iterator[Typed]:
    """The commands of a console block."""
    for part in re.split(r"^\$ ", block.text, flags=re.MULTILINE)[1:]:
        lines = part.splitlines(keepends=True)
        end = next(number for number, line in enumerate(lines, 1) if not line.endswith("\\\n"))
        yield Typed("".join(lines[:end]).rstrip("\n"), "".join(lines[end:]))


def is_as_shown(said: str, shown: str) -> bool:
    """Whether `said` is what the page shows."""
    pattern = ""
    for line in shown.rstrip("\n").split("\n"):
        anything = line.strip() == "…"
        pattern += "(?:.*\n)*?" if anything else re.escape(line).replace("…", ".*?") + "\n"
    said = "\n".join(line.rstrip() for line in said.rstrip("\n").split("\n")) + "\n"
    # What a page ends with may go on: an answer is as long as it is.
    return (
        re.match(pattern.rstrip("\n") if shown.rstrip().endswith("…") else pattern + r"\Z", said) is not None
    )


class Terminal:
    """A user's terminal in `folder`, beside a running system."""

    def __init__(self, house: House, folder: Path) -> None:
        self._house = house
        self._folder = folder
        self._remembered = ""
        (folder / ".venv").symlink_to(ROOT / ".venv")

    def read(self, page: Path) -> None:
        """Type everything `page` shows, and compare."""
        for block in blocks(page):
            if block.language == "console" and not block.marker:
                for line in typed(block):
                    self._check(line, f"{page.name}:{block.line}")

    def _check(self, line: Typed, place: str) -> None:
        if line.command.startswith(("export ", ". ")):
            self._remembered += f"{line.command}\n"
            return
        said = self._type(line.command)
        patience = 0 if not line.command.startswith(_LOOKS) else 20
        end = time.monotonic() + patience
        while not is_as_shown(said, line.shown) and time.monotonic() < end:
            said = self._type(line.command)
        assert is_as_shown(said, line.shown), (
            f"{place}\n$ {line.command}\n{said}\nthe page shows\n{line.shown}"
        )

    def _type(self, command: str) -> str:
        ports = {"127.0.0.1:8000": "console", "127.0.0.1:8001": "aws"}
        text = self._remembered + command
        for port, name in ports.items():
            text = text.replace(port, self._address(name))
        said = self._in_a_terminal(text)
        for port, name in ports.items():
            said = said.replace(self._address(name), port)
        return said

    def _address(self, name: str) -> str:
        return str(self._house.running[name]).removeprefix("http://").rstrip("/")

    def _in_a_terminal(self, text: str) -> str:
        aws = f"{aws_cli.program().parent}:" if "aws " in text else ""
        environment = {
            "PATH": f"{aws}/usr/bin:/bin",
            "HOME": str(self._folder),
            "LC_ALL": "C.UTF-8",
            "TERM": "dumb",
            "LAMPPOST_DATA": str(self._house.data),
        }
        ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 50, 250, 0, 0))
        shell = subprocess.Popen(
            ["bash", "-c", text],
            stdin=subprocess.DEVNULL,
            stdout=theirs,
            stderr=theirs,
            cwd=self._folder,
            env=environment,
            close_fds=True,
        )
        os.close(theirs)
        said = b""
        while True:
            try:
                chunk = os.read(ours, 65536)
            except OSError:
                break  # Linux says EIO when the other side is closed
            if not chunk:
                break
            said += chunk
        os.close(ours)
        shell.wait(60)
        text = said.decode("utf-8", "replace").replace("\r\n", "\n")
        # A line that was written over shows what was written last.
        return "\n".join(line.rpartition("\r")[2] for line in text.split("\n")).lstrip("\n")
