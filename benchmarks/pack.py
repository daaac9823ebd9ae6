"""What does packing take, how large is it, and what does byte code spare a cold start?

    python -m benchmarks.pack [--rounds 10]

The peer is what most people do: `pip install --target` of the same releases, the sources beside, and `zip`.
It is one zip, and with byte code of the usual kind, whose times no longer match once it is unpacked. Wheels
are at hand for both, and both are for this machine's processor, so that a cold start can be tried: a new
interpreter of Lambda's version loads birthday's API from the unpacked zips until it could take an event.
There is no database. CPU is the process's own.
"""

import argparse
import os
import platform
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from lamppost.pack.assets import Packed, pack
from lamppost.pack.target import LAMBDA, Target, interpreter
from lamppost.pack.wheels import fetched, locked
from tests.packing import repository_manifest, unpack, wheel_store
from tests.running import ROOT

HERE = Target(machine="aarch64" if platform.machine() == "aarch64" else "x86_64", glibc=(2, 36))
LAYERS = ("db-layer",)
FUNCTION = "birthday.api"
LOAD = "import lamppost.runtime.entry"
MB = 1_000_000


def main() -> None:
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--rounds", type=int, default=10)
    rounds = arguments.parse_args().rounds
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        packing(folder / "warm-up")  # fetches the wheels
        seconds, packed = packing(folder / "arm64")
        again, _ = packing(folder / "arm64")
        sizes(packed)
        peer_seconds, peer_size = peer(folder / "peer")
        print(f"everything, wheels at hand   {seconds:6.1f} s   once more {again:.2f} s")
        print(f"peer, one service            {peer_seconds:6.1f} s   {peer_size / MB:.1f} MB")
        starts(folder, rounds)


def packing(out: Path, target: Target = LAMBDA) -> tuple[float, Packed]:
    """Seconds, and the zips."""
    manifest = repository_manifest()
    began = time.perf_counter()
    packed = pack(ROOT, manifest, out, store=wheel_store(), target=target)
    return time.perf_counter() - began, packed


def sizes(packed: Packed) -> None:
    for asset in packed.assets:
        print(f"{asset.name:<10} {asset.size / MB:6.2f} MB   unpacked {asset.unpacked / MB:6.2f} MB")


def peer(folder: Path) -> tuple[float, int]:
    """Seconds and bytes of the usual zip, left unpacked in `folder`/task."""
    pins = [pin for lock in LAYERS for pin in locked(ROOT / f"requirements/layers/{lock}.txt", HERE)]
    wheels = fetched(pins, HERE, wheel_store())
    python = interpreter(HERE)
    task = folder / "build"
    task.mkdir(parents=True)
    began = time.perf_counter()
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--no-compile"]
    pip += ["--python-version", HERE.python, "--only-binary", ":all:"]
    pip += [word for tag in HERE.platforms for word in ("--platform", tag)]
    subprocess.run([*pip, "--target", task, *wheels], check=True)
    skipped = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "src/lamppost", task / "lamppost", ignore=skipped)
    shutil.copytree(ROOT / "services", task / "services", ignore=skipped)
    (task / "lamppost.json").write_bytes(
        subprocess.check_output([sys.executable, "-m", "lamppost.pack.discover", ROOT])
    )
    subprocess.run([python, "-m", "compileall", "-q", task], check=False)
    archive = Path(shutil.make_archive(str(folder / "usual"), "zip", task))
    seconds = time.perf_counter() - began
    unpack(archive, folder / "task")
    return seconds, archive.stat().st_size


def starts(folder: Path, rounds: int) -> None:
    """CPU of a cold start from each kind of package, in turns."""
    _, ours = packing(folder / "here", HERE)
    boxes = {"ours": box(folder / "box", ours)}
    boxes["ours, sources only"] = folder / "bare"
    shutil.copytree(boxes["ours"], folder / "bare", ignore=shutil.ignore_patterns("__pycache__"))
    boxes["peer"] = folder / "peer"
    taken: dict[str, list[float]] = {name: [] for name in (*boxes, "a bare interpreter")}
    for _ in range(rounds):
        for name, place in boxes.items():
            taken[name].append(cpu(place, LOAD))
        taken["a bare interpreter"].append(cpu(folder, "pass"))
    for name, values in taken.items():
        print(f"{name:<20} {statistics.median(values) * 1000:6.0f} ms CPU   least {min(values) * 1000:.0f}")


def box(folder: Path, packed: Packed) -> Path:
    unpack(packed.asset(FUNCTION.partition(".")[0]).path, folder / "task")
    for layer in packed.functions[FUNCTION]:
        unpack(packed.asset(layer).path, folder / "opt")
    return folder


def cpu(folder: Path, program: str) -> float:
    """Seconds of CPU until `program` has run; nothing may be written, as on Lambda."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": f"{folder}/task:{folder}/opt/python",
        "PYTHONDONTWRITEBYTECODE": "1",
        "LAMBDA_TASK_ROOT": f"{folder}/task",
        "LAMPPOST_FUNCTION": FUNCTION,
    }
    quiet = subprocess.DEVNULL
    subprocess.run([interpreter(HERE), "-S", "-s", "-c", program], env=environment, stdout=quiet, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


if __name__ == "__main__":
    main()
