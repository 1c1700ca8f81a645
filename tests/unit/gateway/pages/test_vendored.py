import hashlib
import re

from gateway.pages.templates import STATIC

VENDOR = STATIC / "vendor"
ROW = re.compile(r"^\| \S+ \| \S+ \| [\w.-]+ \| `(?P<file>[^`]+)` \| `(?P<sha256>[0-9a-f]{64})` \|$", re.MULTILINE)


def test_every_vendored_file_is_listed_with_its_hash_and_unchanged() -> None:
    listed = {row["file"]: row["sha256"] for row in ROW.finditer((VENDOR / "VENDORED.md").read_text())}
    found = {
        str(path.relative_to(VENDOR)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in VENDOR.glob("*/**/*")
        if path.is_file()
    }
    assert found
    assert listed == found
