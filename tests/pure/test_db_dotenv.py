"""The `.env` file's lines."""

import pytest

from lamppost.db import dotenv
from lamppost.errors import OperatorError


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("A=plain", "plain"),
        ("A = spaced ", "spaced"),
        ("export A=shell", "shell"),
        ("A=", ""),
        ("A=''", ""),
        ('A="two words"', "two words"),
        ("A='it # is'", "it # is"),
        ("A=before # after", "before"),
        ('A="quoted" # after', "quoted"),
        (r'A="say \"hi\"\n"', 'say "hi"\n'),
        (r"A='\n'", r"\n"),
        ("A=a=b", "a=b"),
        ("A=it's", "it's"),
        ("A= # nothing", ""),
        ("A=$HOME", "$HOME"),
        ("A=p@ss:w/rd!", "p@ss:w/rd!"),
    ],
)
def test_a_line_is_read_as_it_is_written(line, value):
    assert dotenv.parse(f"# first\n\n{line}\r\n", ".env") == {"A": value}


@pytest.mark.parametrize(
    "line", ["JUSTANAME", "=x", "1A=x", 'A="open', "A='open", 'A="x" y', "A=p#ss", "A: x", "A='x'y"]
)
def test_a_line_that_is_something_else_is_named_by_number_and_not_quoted(line):
    with pytest.raises(OperatorError) as error:
        dotenv.parse(f"OK=1\n{line}", "here/.env")
    assert str(error.value).startswith("here/.env:2 ")
    assert line not in str(error.value).splitlines()[0]


def test_where_there_is_no_file_there_are_no_settings(tmp_path):
    assert dotenv.read(str(tmp_path)) == {}


def test_a_file_that_cannot_be_read_is_told(tmp_path):
    (tmp_path / ".env").write_bytes(b"A=\xff")
    with pytest.raises(OperatorError, match="cannot be read"):
        dotenv.read(str(tmp_path))
