import pytest
import yaml

from gateway.connections.documents import LONGEST, WrongDocument, parsed, parsed_one, written
from gateway.connections.schemas import ConnectionDocument
from tests.support.northwind import NORTHWIND


def _mistakes(content: str) -> list[tuple[int | None, str, str]]:
    with pytest.raises(WrongDocument) as wrong:
        parsed_one(content)
    return [(each.line, each.place, each.message) for each in wrong.value.mistakes]


def _line_of(text: str) -> int:
    return NORTHWIND[: NORTHWIND.index(text)].count("\n") + 1


def test_every_mistake_is_told_with_its_place_and_line() -> None:
    content = NORTHWIND.replace("id: item.ref", "id: 'item.['").replace("amounts: minor", "amounts: pennies")
    found = _mistakes(content)
    assert [(line, place) for line, place, _ in found] == [
        (_line_of("id: item.ref"), "source.items.id"),
        (_line_of("amounts: minor"), "mapping.amounts"),
    ]
    assert "is not a JMESPath expression" in found[0][2]


def test_what_is_missing_is_told_at_the_part_that_lacks_it() -> None:
    ((line, place, _),) = _mistakes(NORTHWIND.replace("    id: item.ref\n", ""))
    assert (line, place) == (_line_of("  items:"), "source.items.id")


def test_a_mistake_in_a_variant_is_found_in_the_text() -> None:
    ((line, place, _),) = _mistakes(NORTHWIND.replace("algorithm: sha512", "algorithm: md5"))
    assert (line, place.split(".")[-1]) == (_line_of("algorithm: sha512"), "algorithm")


@pytest.mark.parametrize(
    ("content", "line", "said"),
    [
        ("key: a\nname: [1, 2\nstate: x", 3, "neither YAML nor JSON"),
        ("", None, "valid dictionary"),
        ("- key: a\n- key: b", 1, "required"),
        ("key: &k a\nname: *k", 2, "*k repeats"),
        ("a: 2026-13-45", None, "neither YAML nor JSON"),
        ("a: !!binary aGk=", None, "neither YAML nor JSON"),
        ("key: a\nname: b\nmapping:\n  stages:\n    won: {stage: Won, stage: Lost}", 5, "stage stands twice"),
        ("[" * 5000, None, "nested too deeply"),
        ("x" * (LONGEST + 1), None, "at most 200,000"),
    ],
)
def test_what_is_no_document_is_told_and_breaks_nothing(content: str, line: int | None, said: str) -> None:
    first = _mistakes(content)[0]
    assert first[0] == line
    assert said in first[2]


def test_several_documents_are_read_from_a_file_and_refused_on_a_page() -> None:
    many = yaml.dump([yaml.safe_load(NORTHWIND)] * 2, Dumper=_Plain)
    assert [each.key for each in parsed(many)] == ["northwind", "northwind"]
    assert "There are 2 documents" in _mistakes(many)[0][2]


def test_the_message_of_the_command_names_document_and_field() -> None:
    with pytest.raises(WrongDocument, match=r"^Connection document 1: mapping.amounts: "):
        parsed(NORTHWIND.replace("amounts: minor", "amounts: pennies"))


def test_a_written_document_is_read_as_the_same() -> None:
    document = parsed_one(NORTHWIND)
    assert document.source is not None
    shown = ConnectionDocument(
        key=document.key,
        provider=document.provider,
        name=document.name,
        state=document.state,
        settings=document.settings,
        source=document.source.model_dump(mode="json", exclude_defaults=True),
        mapping=document.mapping.model_dump(mode="json", exclude_defaults=True),
    )
    text = written(shown)
    assert parsed_one(text) == document.model_copy(update={"secrets": None})
    assert text.startswith("key: northwind\nprovider: generic\n")
    assert "settings" not in text


class _Plain(yaml.SafeDumper):
    def ignore_aliases(self, data: object) -> bool:
        return True
