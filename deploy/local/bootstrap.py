"""Make .venv from the lock file, once per lock. Needs nothing but Python 3.11 or newer: not even this repository's packages.

Usage: python3 deploy/local/bootstrap.py requirements.lock
"""

from __future__ import annotations  # parses on a Python that is too old, to say so

import hashlib
import subprocess
import sys
import time
from pathlib import Path
from typing import NoReturn

UV = "uv==0.13.9"
ROOT = Path(__file__).resolve().parents[2]
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"


def say(line: str) -> None:
    """One line of progress."""
    print("set-up    | " + line, flush=True)


def fail(line: str) -> NoReturn:
    """End with one line."""
    sys.exit("Set-up failed: " + line)


def stamp_of(lock: Path) -> Path:
    """The file whose presence says that .venv holds what this lock says."""
    kind = "dev" if lock.name == "requirements-dev.lock" else "run"
    digest = hashlib.sha256(lock.read_bytes() + UV.encode()).hexdigest()[:20]
    return VENV / f".locked-{kind}-{digest}"


def run(what: str, argv: list[str], *, required: bool = True) -> bool:
    """One step; its output is shown only when it fails."""
    done = subprocess.run(argv, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode == 0:
        return True
    log = VENV / "set-up.log"
    if VENV.is_dir():
        log.write_text(done.stdout, encoding="utf-8")
    last = done.stdout.strip().splitlines()[-1:] or ["it said nothing"]
    if required:
        fail(f"{what}: {last[0].strip()} (all of it: {log})")
    say(f"{what}: {last[0].strip()}")
    return False


def install(lock: Path) -> None:
    """Install exactly the lock, hashes checked; by uv, or by pip where uv cannot."""
    pip = [str(PYTHON), "-m", "pip", "--disable-pip-version-check", "-q"]
    count = sum(1 for line in lock.read_text(encoding="utf-8").splitlines() if "==" in line and not line[0].isspace())
    say(f"installing {count} locked packages")
    uv = [
        str(VENV / "bin" / "uv"),
        "pip",
        "install",
        "-q",
        "--python",
        str(PYTHON),
        "--require-hashes",
        "-r",
        str(lock),
    ]
    if run("uv", [*pip, "install", UV], required=False) and run("uv", uv, required=False):
        return
    say("installing by pip instead, which takes longer")
    run("pip", [*pip, "install", "--require-hashes", "-r", str(lock)])


def main(arguments: list[str]) -> None:
    """Bring .venv to the lock named by the only argument."""
    if sys.version_info < (3, 11):  # noqa: UP036 - whoever clones may have an older one
        fail(f"Python 3.11 or newer is needed, this is {sys.version.split()[0]}; name another: make PYTHON=python3.11")
    if len(arguments) != 1 or not (ROOT / arguments[0]).is_file():
        fail("say which lock file: requirements.lock or requirements-dev.lock")
    lock = ROOT / arguments[0]
    # The development lock holds everything the other one does.
    if any(stamp_of(ROOT / name).exists() for name in {lock.name, "requirements-dev.lock"} if (ROOT / name).is_file()):
        return
    start = time.monotonic()
    if not PYTHON.exists():
        say(f"making .venv with Python {sys.version.split()[0]}")
        run("venv", [sys.executable, "-m", "venv", str(VENV)])
    install(lock)
    for old in VENV.glob(stamp_of(lock).name.rsplit("-", 1)[0] + "-*"):
        old.unlink()
    stamp_of(lock).touch()
    say(f"ready in {time.monotonic() - start:.0f} s")


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except KeyboardInterrupt:
        fail("interrupted; run it again")
    except OSError as error:
        fail(f"{error.filename or VENV}: {error.strerror or error}")
