"""One row per deal with the dates of its life: what may be known when."""

from datetime import UTC, date, datetime
from decimal import Decimal

from libs.common.ids import entity_id
from tests.unit.gateway.imports.conftest import ReadFiles

MAPPING = """
version: 3
name: lifecycle
connection: acme
timezone: America/New_York
currency: USD
hash_ids: [user]
files:
  deals: {match: "deals*.csv"}
  prices: {match: "prices.csv"}
stages:
  Working: {state: open, probability: 0.3, category: pipeline}
  Won: {state: won}
  Lost: {state: lost}
records:
  - object: deal
    file: deals
    id: id
    joins:
      price: {file: prices, on: {product: {column: product, replace: {GTXPro: GTX Pro}}}}
    fields:
      product: price.product
      amount: price.list
      owner_id: seller
      account_id: account
    changes:
      - at: {column: opened, format: "%m/%d/%Y"}
        fields: {stage: {column: stage, replace: {Won: Working, Lost: Working}}}
      - at: {column: closed, format: "%m/%d/%Y"}
        when: {stage: [Won, Lost]}
        fields: {stage: stage, amount: value}
"""
HEADER = "id,seller,product,account,stage,opened,closed,value\n"
PRICES = "product,list\nGTX Pro,4821\n"


def test_a_won_deal_is_worth_its_list_price_until_it_is_closed(read_files: ReadFiles) -> None:
    row = "d1,Ada Low,GTXPro,,Won,10/20/2016,3/1/2017,1054\n"
    opened, won = read_files(MAPPING, {"deals.csv": HEADER + row, "prices.csv": PRICES}).events

    assert (opened.state, opened.amount, opened.category) == ("open", Decimal("4821.00"), "pipeline")
    assert (opened.close_date, opened.closed_on, opened.stage_probability) == (None, None, Decimal("0.3"))
    assert opened.clock.crm_time == datetime(2016, 10, 20, 16, tzinfo=UTC)
    assert (won.state, won.amount, won.category) == ("won", Decimal("1054.00"), None)
    assert won.closed_on == won.close_date == date(2017, 3, 1)
    assert won.clock.crm_time == datetime(2017, 3, 1, 17, tzinfo=UTC)
    assert opened.reconstructed
    assert opened.clock.mapping_version == 3
    assert opened.clock.order() < won.clock.order()
    assert opened.deal_id == won.deal_id == entity_id("acme", "deal", "d1")
    assert (opened.product, opened.account_id, opened.currency) == ("GTX Pro", None, "USD")


def test_a_deal_opened_and_closed_on_one_day_ends_closed(read_files: ReadFiles) -> None:
    row = "d1,Ada Low,GTX Pro,,Lost,3/1/2017,3/1/2017,0\n"
    opened, lost = read_files(MAPPING, {"deals.csv": HEADER + row, "prices.csv": PRICES}).events

    assert opened.clock.crm_time == lost.clock.crm_time
    assert opened.clock.order() < lost.clock.order()
    assert lost.state == "lost"


def test_an_open_deal_has_one_change_and_no_close_date(read_files: ReadFiles) -> None:
    row = "d1,Ada Low,GTX Pro,Acme,Working,3/1/2017,,\n"
    (opened,) = read_files(MAPPING, {"deals.csv": HEADER + row, "prices.csv": PRICES}).events

    assert (opened.state, opened.close_date) == ("open", None)
    assert opened.account_id == entity_id("acme", "account", "Acme")


def test_a_seller_known_by_name_travels_as_a_digest(read_files: ReadFiles) -> None:
    row = "d1,Ada Low,GTX Pro,,Working,3/1/2017,,\n"
    outcome = read_files(MAPPING, {"deals.csv": HEADER + row, "prices.csv": PRICES})

    assert outcome.events[0].owner_id is not None
    assert outcome.events[0].owner_id != entity_id("acme", "user", "Ada Low")
    assert "Ada" not in outcome.events[0].model_dump_json()


def test_one_bad_row_loses_nothing_else_and_names_line_column_and_value(read_files: ReadFiles) -> None:
    rows = (
        "d1,Ada Low,GTX Pro,,Working,3/1/2017,,\n"
        "d2,Ada Low,GTX Pro,,Working,,,\n"
        "d3,Ada Low,GTX Pro,,Won,3/1/2017,2017-03-02,5\n"
        "d4,Ada Low,GTX Pro,,Won,3/2/2017,3/1/2017,5\n"
        "d5,Ada Low,GTX Pro,,Won,3/1/2017,3/2/2017,much\n"
        "d6,Ada Low,Unknown,,Working,3/1/2017,,\n"
        "d7,Ada Low,GTX Pro,,Dreaming,3/1/2017,,\n"
        "d8,Ada Low\n"
        ",Ada Low,GTX Pro,,Working,3/1/2017,,\n"
        "d10,Ada Low,GTX Pro,,Working,3/1/2027,,\n"
        "d11,Ada Low,GTX Pro,,Working,3/1/2017,,\n"
    )
    outcome = read_files(MAPPING, {"deals.csv": HEADER + rows, "prices.csv": PRICES})

    assert [event.external_id for event in outcome.events] == ["d1", "d11"]
    found = {refusal.line: (refusal.column, refusal.value, refusal.reason) for refusal in outcome.refusals}
    assert found == {
        3: ("opened", "", "no date: cannot be placed in time"),
        4: ("closed", "2017-03-02", "is not a time written as %m/%d/%Y"),
        5: ("closed", "3/1/2017", "lies before the change that precedes it"),
        6: ("value", "much", "is not a number with the decimal mark '.'"),
        7: ("product", "Unknown", "is not in prices.csv"),
        8: ("stage", "Dreaming", "unknown stage; the mapping knows: Working, Won, Lost"),
        9: ("", "", "has 2 values where the header has 8 columns"),
        10: ("id", "", "no id"),
        11: ("opened", "3/1/2027", "lies in the future"),
    }
    assert outcome.stream.tally.rows == 11
    assert outcome.stream.tally.refused_rows == 9


def test_a_quoted_line_break_does_not_shift_the_lines_of_later_refusals(read_files: ReadFiles) -> None:
    rows = 'd1,"Ada\nLow",GTX Pro,,Working,3/1/2017,,\nd2,Ada,GTX Pro,,Working,,,\n'
    outcome = read_files(MAPPING, {"deals.csv": HEADER + rows, "prices.csv": PRICES})

    assert [refusal.line for refusal in outcome.refusals] == [4]


def test_several_files_of_a_role_are_one_history(read_files: ReadFiles) -> None:
    files: dict[str, str | bytes] = {
        "deals-2016.csv": HEADER + "d1,Ada,GTX Pro,,Working,3/1/2016,,\n",
        "deals-2017.csv": "opened,id,stage,product,seller,account,closed,value\n3/1/2017,d2,Working,GTX Pro,Ada,,,\n",
        "prices.csv": PRICES,
    }
    outcome = read_files(MAPPING, files)

    assert [event.external_id for event in outcome.events] == ["d1", "d2"]
    assert outcome.stream.tally.states() == {"open": 2}
