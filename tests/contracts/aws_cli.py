"""AWS CLI v2, out of PyPI's wheel aws-cdk.asset-awscli-v2, unpacked once.

In the wheel lies a .tgz, in it `lib/layer.zip`, in it AWS's own frozen program. Its `aws`
links point elsewhere, so `dist/aws` is what is called.
"""

import fcntl
import io
import os
import shlex
import shutil
import subprocess
import tarfile
import zipfile
from functools import cache
from importlib import metadata
from pathlib import Path


def _archive() -> Path | None:
    """The wheel's .tgz, found without an import: its parent package starts Node when it is loaded."""
    try:
        files = metadata.files("aws-cdk.asset-awscli-v2") or ()
    except metadata.PackageNotFoundError:
        return None
    return next((Path(str(file.locate())) for file in files if file.name.endswith(".jsii.tgz")), None)


@cache
def program() -> Path:
    """Where `aws` is, unpacked now if it was not."""
    archive = _archive()
    assert archive is not None, "AWS CLI v2 is not installed: scripts/install test"
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "lamppost"
    folder = home / f"awscli-{archive.name.removesuffix('.jsii.tgz').rpartition('@')[2]}"
    home.mkdir(parents=True, exist_ok=True)
    with (home / "awscli.lock").open("w") as lock:
        # Test workers start together: one unpacks, the others wait.
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.is_dir():
            unfinished = folder.with_name(f"{folder.name}.new")
            shutil.rmtree(unfinished, ignore_errors=True)
            _unpack(archive, unfinished)
            unfinished.rename(folder)
    return next(folder.glob("**/dist/aws"))


def _unpack(archive: Path, folder: Path) -> None:
    with tarfile.open(archive) as outer:
        layer = outer.extractfile("package/lib/layer.zip")
        assert layer is not None
        content = io.BytesIO(layer.read())
    with zipfile.ZipFile(content) as inner:
        for entry in inner.infolist():
            if "/dist/" in entry.filename and not entry.is_dir():
                inner.extract(entry, folder)
                mode = entry.external_attr >> 16
                (folder / entry.filename).chmod((mode & 0o777) or 0o644)
    next(folder.glob("**/dist/aws")).chmod(0o755)


def environment(endpoint: str, home: Path, keys: str = "any") -> dict[str, str]:
    """A user's shell after `export AWS_ENDPOINT_URL=...` and any credentials, with an empty home."""
    return {
        "PATH": "/usr/bin:/bin",
        "HOME": str(home),
        "LC_ALL": "C.UTF-8",
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_ACCESS_KEY_ID": keys,
        "AWS_SECRET_ACCESS_KEY": keys,
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_PAGER": "",
        "AWS_MAX_ATTEMPTS": "1",
    }


def run(command: str, endpoint: str, home: Path, keys: str = "any") -> subprocess.CompletedProcess[str]:
    """Run a command line as the seeds write it (it begins with `aws`)."""
    return subprocess.run(
        [str(program()), *shlex.split(command)[1:]],
        env=environment(endpoint, home, keys),
        cwd=home,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
