"""Compiles a zip of sources, read from stdin, to a zip of byte code on stdout.

The target's interpreter runs this file as a script, so it needs the standard library only. argv[1] is where
the files will lie: tracebacks name them there. What does not compile is left out, and said in `!errors`,
one a line.
"""

import marshal
import sys
import zipfile
from importlib.util import MAGIC_NUMBER, source_hash
from io import BytesIO

# A hash of the source stands in the file, and nobody compares it (PEP 552): Lambda's files never change, and
# their times are not those of the sources.
UNCHECKED_HASH = (1).to_bytes(4, "little")


def main(place: str) -> None:
    """Compile every file of the zip, in its order: in another, marshal's marks of shared objects differ."""
    sources = zipfile.ZipFile(BytesIO(sys.stdin.buffer.read()))
    compiled, errors = BytesIO(), []
    with zipfile.ZipFile(compiled, "w") as archive:
        for name in sources.namelist():
            source = sources.read(name)
            try:
                code = compile(source, f"{place}/{name}", "exec", dont_inherit=True, optimize=0)
            except (SyntaxError, ValueError) as error:
                errors.append(f"{name}: {error}")
                continue
            folder, _, file = name.rpartition("/")
            path = f"{folder}/__pycache__/{file[:-3]}.{sys.implementation.cache_tag}.pyc".lstrip("/")
            content = MAGIC_NUMBER + UNCHECKED_HASH + source_hash(source) + marshal.dumps(code)
            archive.writestr(path, content)
        archive.writestr("!errors", "\n".join(errors))
    sys.stdout.buffer.write(compiled.getvalue())


if __name__ == "__main__":
    main(sys.argv[1])
