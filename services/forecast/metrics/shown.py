"""From a metric's figures to what is shown: units, names, decimals."""

from collections.abc import Mapping
from decimal import ROUND_HALF_UP, Decimal
from typing import Final, NamedTuple, get_args

from libs.common import money
from services.forecast.metrics.contract import Contract
from services.forecast.metrics.formulas.figures import Factor, Figure, Unit
from services.forecast.metrics.schemas import By, ContractOut, FactorOut, IntervalOut, Kind, Number, PartOut
from services.forecast.rollup.cells import NOBODY

RENEWAL: Final = "renewal"
SLOTS: Final = ("stage", "warning")


class Name(NamedTuple):
    """What a part is called."""

    key: str | None
    kind: Kind
    label: str | None


def named(by: By, key: str | None, units: Mapping[str, str]) -> Name:
    """Key, kind and label of a part as `cutting.cut` calls it."""
    if by == "owner" or (key or "").startswith("owner:"):
        owner = (key or "").removeprefix("owner:")
        return Name(None, "owner", "No owner") if owner == str(NOBODY) else Name(owner, "owner", None)
    if by in ("team", "unit"):
        unit = (key or "").removeprefix("unit:")
        return Name(unit, "unit", units.get(unit))
    return Name(key, "value", key)


def part_out(contract: Contract, figure: Figure, name: Name, currency: str) -> PartOut:
    """A figure in its units."""
    return PartOut.model_validate(
        {
            **name._asdict(),
            "value": number(figure.value, contract.unit, currency),
            "reason": figure.reason,
            "n": figure.n,
            "unknown": figure.unknown,
            "numerator": number(figure.numerator, contract.numerator, currency),
            "denominator": number(figure.denominator, contract.denominator, currency),
            "interval": IntervalOut(low=figure.interval[0], high=figure.interval[1]) if figure.interval else None,
            "median": figure.median,
            "p75": figure.p75,
            "factors": [_factor(each, currency) for each in figure.factors],
        }
    )


def _factor(factor: Factor, currency: str) -> FactorOut:
    return FactorOut(name=factor.name, unit=factor.unit, value=number(factor.value, factor.unit, currency), n=factor.n)


def number(value: float | None, unit: Unit | None, currency: str) -> Number | None:
    """Money as a decimal at the currency's scale, counts whole, everything else as it is."""
    if value is None or unit is None:
        return None
    if unit.startswith("money"):
        return Decimal(value).to_integral_value(ROUND_HALF_UP).scaleb(-money.exponent(currency))
    return int(value) if unit == "count" else float(value)


def contract_out(contract: Contract) -> ContractOut:
    """The contract as it is told."""
    return ContractOut(
        name=contract.name,
        title=contract.title,
        version=contract.label,
        formula=contract.formula,
        grain=contract.grain,
        clock=contract.clock,
        currency_rule=contract.currency,
        unknown=contract.unknown,
        unit=contract.unit,
        numerator=contract.numerator,
        denominator=contract.denominator,
        cuts=cuts(contract),
        left_out=[RENEWAL] if contract.leaves_out_renewals else [],
        takes_target=contract.takes_target,
    )


def cuts(contract: Contract) -> list[By]:
    """What the metric can be cut by."""
    return [by for by in get_args(By) if by not in SLOTS or by == contract.slot]
