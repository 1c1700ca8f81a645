"""What no tracked file may say: where packages come from, and where on somebody's machine it was written."""

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
INDEXES = re.compile(
    r"--(extra-)?index-url|pypi\.(org|io)|pythonhosted\.org|registry\.npmjs\.org|repo1?\.maven|maven\.org|proxy\.golang"
    r"|crates\.io|deb\.debian\.org"
)
MACHINES = re.compile(r"(^|[\s\"'`(=:])/(work/|root/|home/[a-z]|Users/[A-Za-z])")
VENDORED = ("gateway/pages/static/",)


def tracked() -> list[Path]:
    names = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return [ROOT / name for name in names.split("\0") if name and not name.startswith(VENDORED)]


def lines_with(pattern: re.Pattern[str]) -> list[str]:
    found = []
    for path in tracked():
        try:
            text = path.read_text(encoding="utf-8")
        except (UnicodeDecodeError, FileNotFoundError):  # a picture, or deleted and not yet committed
            continue
        found += [
            f"{path.relative_to(ROOT)}:{n}: {line.strip()[:120]}"
            for n, line in enumerate(text.splitlines(), 1)
            if pattern.search(line)
        ]
    return found


@pytest.mark.parametrize(
    "line", ["--extra-index" + "-url x", "https://files.python" + "hosted.org/x", "https://pypi" + ".org/simple"]
)
def test_an_address_of_a_package_index_would_be_found(line):
    assert INDEXES.search(line)


@pytest.mark.parametrize("line", ["see /wo" + "rk/shared", "path = '/ro" + "ot/x'", "/ho" + "me/ada/foretell"])
def test_a_path_of_somebodys_machine_would_be_found(line):
    assert MACHINES.search(line)


def test_no_tracked_file_names_a_package_index():
    assert lines_with(INDEXES) == []


def test_no_tracked_file_names_a_path_of_somebodys_machine():
    assert lines_with(MACHINES) == []
