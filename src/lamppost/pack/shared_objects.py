"""Whether a compiled library will load where it is sent. Asked here, not by the first caller on AWS."""

import re
import struct
from collections.abc import Mapping

from lamppost.errors import OperatorError
from lamppost.pack.target import ELF_MACHINES, Target

_NAME = re.compile(r"\.so(\.\d+)*$")
_ELF = b"\x7fELF"
# The version names stand as text in the file, whatever section holds them.
_GLIBC = re.compile(rb"\0GLIBC_(\d+)\.(\d+)(?:\.\d+)?(?=\0)")


def shared_objects(files: Mapping[str, bytes]) -> list[str]:
    """The paths of the shared libraries in `files`."""
    return sorted(name for name in files if _NAME.search(name.rpartition("/")[2]))


def check(files: Mapping[str, bytes], target: Target) -> None:
    """Raise `OperatorError` for a library that is for another processor, or a newer glibc."""
    for name in shared_objects(files):
        content = files[name]
        if not content.startswith(_ELF) or machine(content) != ELF_MACHINES[target.machine]:
            raise _unfit(name, f"is not for {target.machine}")
        major, minor = needed_glibc(content)
        if (major, minor) > target.glibc:
            raise _unfit(name, f"needs glibc {major}.{minor}")


def machine(content: bytes) -> int:
    """`e_machine` of an ELF file."""
    return int(struct.unpack_from("<H", content, 18)[0])


def needed_glibc(content: bytes) -> tuple[int, int]:
    """The newest version of glibc whose symbols the library names; (0, 0) for one that names none."""
    return max(((int(major), int(minor)) for major, minor in _GLIBC.findall(content)), default=(0, 0))


def loaded_part(content: bytes) -> bytes:
    """`content` without what stands behind its last loaded byte: symbols and lines, for debuggers only.

    The loader reads program headers; the table of sections goes too, and the header says that there is none.
    A file that is not ELF, 64 bit and little-endian is left as it is.
    """
    if not content.startswith(_ELF + b"\x02\x01"):
        return content
    start, size, count = *struct.unpack_from("<Q", content, 32), *struct.unpack_from("<HH", content, 54)
    end = max(
        offset + length
        for offset, length in (_extent(content, start + size * index) for index in range(count))
    )
    header = bytearray(content[:end])
    struct.pack_into("<Q", header, 40, 0)  # e_shoff
    struct.pack_into("<HH", header, 60, 0, 0)  # e_shnum, e_shstrndx
    return bytes(header)


def _extent(content: bytes, segment: int) -> tuple[int, int]:
    """`p_offset` and `p_filesz`."""
    offset, length = struct.unpack_from("<8xQ16xQ", content, segment)
    return int(offset), int(length)


def _unfit(name: str, why: str) -> OperatorError:
    return OperatorError(
        f"{name} {why}: it would not load on Lambda",
        fix="lock a release that has a wheel for manylinux_2_28, in requirements/layers",
        code="pack_library",
    )
