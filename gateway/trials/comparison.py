"""How a record would differ under another mapping, counted field by field. Pure."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from gateway.connectors.outcomes import Outcome
from gateway.trials.schemas import FieldChange, Refusal, Sample, TrialOut

SAMPLES = 3
"""Examples given of each kind of difference."""
LONGEST = 200
_NOT_COMPARED = frozenset({"clock", "received_at", "unobserved_since", "connection", "external_id"})
"""When and whence a record came is not how it is understood."""


@dataclass
class _Group:
    count: int = 0
    samples: list[Sample] = field(default_factory=list)

    def add(self, sample: Sample) -> None:
        self.count += 1
        if len(self.samples) < SAMPLES:
            self.samples.append(sample)


@dataclass
class Tally:
    """What became of the records of a trial."""

    records: int = 0
    unchanged: int = 0
    to_be_fetched: int = 0
    changed: Counter[str] = field(default_factory=Counter)
    added: Counter[str] = field(default_factory=Counter)
    _fields: dict[tuple[str, str], _Group] = field(default_factory=dict)
    _refused: dict[tuple[str, str | None, str | None, str | None], _Group] = field(default_factory=dict)

    def compare(
        self, object_type: str, external_id: str, before: Mapping[str, Any] | None, after: Mapping[str, Any] | None
    ) -> bool:
        """Count one record; whether it differs. `before` and `after` are canonical contents, None for none."""
        self.records += 1
        differing = differences(before or {}, after or {})
        if not differing:
            self.unchanged += 1
            return False
        (self.changed if before else self.added)[object_type] += 1
        if before:
            for name in differing:
                known = self._fields.setdefault((object_type, name), _Group())
                sample = Sample(
                    external_id=external_id, before=_shown(before.get(name)), after=_shown((after or {}).get(name))
                )
                known.add(sample)
        return True

    def refuse(self, external_id: str, outcome: Outcome) -> None:
        """Count a record that would be parked."""
        self.records += 1
        key = (outcome.reason or "", outcome.field, outcome.value, outcome.advice)
        self._refused.setdefault(key, _Group()).add(Sample(external_id=external_id, before=None, after=None))

    def as_out(self, **rest: Any) -> TrialOut:
        return TrialOut(
            records=self.records,
            unchanged=self.unchanged,
            changed=dict(self.changed),
            added=dict(self.added),
            to_be_fetched=self.to_be_fetched,
            fields=[
                FieldChange(object_type=kind, field=name, count=group.count, samples=group.samples)
                for (kind, name), group in sorted(self._fields.items(), key=lambda item: -item[1].count)
            ],
            refused=[
                Refusal(
                    reason=reason,
                    field=name,
                    value=value,
                    advice=advice,
                    count=group.count,
                    external_ids=[sample.external_id for sample in group.samples],
                )
                for (reason, name, value, advice), group in sorted(
                    self._refused.items(), key=lambda item: -item[1].count
                )
            ],
            **rest,
        )


def differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """The fields in which two canonical contents differ; a field that is not there is null."""
    names = sorted((before.keys() | after.keys()) - _NOT_COMPARED)
    return [name for name in names if before.get(name) != after.get(name)]


def _shown(value: Any) -> str | None:
    return None if value is None else str(value)[:LONGEST]
