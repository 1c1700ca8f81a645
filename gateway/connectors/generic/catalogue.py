"""The documents that ship with Foretell, for CRMs that need no code: `gateway/connectors/catalogue/*.yaml`."""

from pathlib import Path

FOLDER = Path(__file__).resolve().parents[1] / "catalogue"


def names() -> list[str]:
    return sorted(path.stem for path in FOLDER.glob("*.yaml"))


def document(name: str) -> str:
    """The document as it is written, comments included. Raises LookupError for a name that is not among `names`."""
    if name not in names():
        raise LookupError(f"There is no document {name!r}; there are {', '.join(names())}.")
    return (FOLDER / f"{name}.yaml").read_text(encoding="utf-8")


def summary(name: str) -> str:
    """The first line of a document's comment."""
    return document(name).partition("\n")[0].removeprefix("#").strip()
