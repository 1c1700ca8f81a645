"""What a mapping must say, and how its mistakes are told."""

from pathlib import Path

import pytest

from gateway.imports.reading.load import MappingProblem, load_mapping, parse_mapping, shipped_names
from tests.unit.gateway.imports.conftest import ReadFiles

GOOD = """
version: 1
name: small
connection: acme
files: {people: {match: "people.csv"}}
records:
  - object: user
    file: people
    id: id
    fields: {team_path: team}
    changes: [{at: since}]
"""


@pytest.mark.parametrize(
    ("wrong", "right", "told"),
    [
        ("team_path: team", "team: team", "records.0: user has no field 'team'; it has: created_at, deleted"),
        ("file: people", "file: persons", "records.0 uses the file 'persons'; files has: people"),
        ("object: user", "object: person", "records.0.object: Input should be 'user', 'account'"),
        ("object: user", "object: deal", "records.0: deal has no field 'team_path'"),
        ("connection: acme\n", "", "records.0 has no connection, nor has the mapping"),
        ("connection: acme", "conection: acme", "conection: Extra inputs are not permitted"),
        ("id: id", "id: {colum: id}", "records.0.id.colum: Extra inputs are not permitted"),
        ("id: id", "id: {column: id, constant: 3}", "give exactly one of column, constant, template, first"),
        ("version: 1", "version: 1\ntimezone: Mars/Base", "timezone: 'Mars/Base' is not a time zone name"),
        ("version: 1", "version: 1\ncurrency: XYZ1", "currency: 'XYZ1' is not an ISO 4217"),
        ("[{at: since}]", "[]", "records.0.changes"),
        ("name: small", "name: [", "is not YAML"),
    ],
)
def test_a_mistake_in_a_mapping_is_told_with_its_place_and_what_is_allowed(wrong: str, right: str, told: str) -> None:
    parse_mapping(GOOD, where="m.yaml")
    with pytest.raises(MappingProblem) as caught:
        parse_mapping(GOOD.replace(wrong, right), where="m.yaml")

    assert told in str(caught.value)
    assert "m.yaml" in str(caught.value)


def test_words_that_yaml_takes_for_booleans_stay_words() -> None:
    document = parse_mapping(
        GOOD.replace("team_path: team", "team_path: {column: team, map: {NO: Norway, on: On}}"), where="m"
    )
    team = document.records[0].fields["team_path"]

    assert dict(team.map or {}) == {"NO": "Norway", "on": "On"}


def test_a_column_that_the_file_lacks_is_named_with_those_it_has(read_files: ReadFiles) -> None:
    with pytest.raises(
        MappingProblem, match=r"people.csv has no column 'since' \(records.0.changes.0.at\); it has: id, team"
    ):
        read_files(GOOD, {"people.csv": "id,team\n1,North\n"})


def test_a_file_that_is_missing_is_named_with_its_role(read_files: ReadFiles) -> None:
    with pytest.raises(MappingProblem, match=r"no file named like 'people.csv', which the mapping calls 'people'"):
        read_files(GOOD, {"others.csv": "id\n"})


def test_a_joined_file_with_a_key_twice_is_refused_as_a_whole(read_files: ReadFiles) -> None:
    joined = GOOD.replace("    fields:", "    joins: {team: {file: teams, on: {key: team}}}\n    fields:").replace(
        'people.csv"}', 'people.csv"}, teams: {match: teams.csv}'
    )
    files: dict[str, str | bytes] = {"people.csv": "id,team,since\n1,N,2020-01-01\n", "teams.csv": "key,x\nN,1\nN,2\n"}

    with pytest.raises(MappingProblem, match=r"teams.csv line 3: 'N' occurs twice"):
        read_files(joined, files)


def test_every_shipped_mapping_is_valid() -> None:
    assert shipped_names() == ["loan-event-log", "maven-pipeline"]
    for name in shipped_names():
        assert load_mapping(name).name == name


def test_the_mapping_of_the_simulated_company_is_valid() -> None:
    mapping = load_mapping(str(Path(__file__).parents[4] / "simulator" / "mapping.yaml"))

    assert [record.object for record in mapping.records] == ["user", "account", "product", "lead", "deal"]


def test_an_unknown_mapping_names_those_that_ship() -> None:
    with pytest.raises(MappingProblem, match="loan-event-log, maven-pipeline"):
        load_mapping("no-such-mapping")
