"""Judges the conversion model on a file of leads: once without the columns known to leak, once with all and the guard on."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from deploy.local.errors import LocalError
from deploy.local.evalleads.mapping import LeadFile, read_mapping
from deploy.local.evalleads.reading import ReadLeads, read_leads
from services.leads.conversion.odds.fitting import Past
from services.leads.conversion.odds.guard import too_good
from services.leads.conversion.odds.judging import FIT_SHARE, Interval, Judged, judge

ROOT = Path(__file__).resolve().parents[3]
PUBLIC = ROOT.parent / "shared" / "data" / "leads.csv.gz"
PUBLIC_MAPPING = Path(__file__).with_name("x-education.yaml")
SEED = 7
"""Of the bootstrap intervals, the only thing drawn."""


def main(*, file: str, mapping: str) -> int:
    """Print the table and, as the last line, one JSON object. Raises LocalError."""
    path, how = asked(file, mapping)
    clean, guarded = evaluate(read_leads(path, how), how)
    for line in report(clean, guarded):
        print(line)
    print(json.dumps(closing(clean, guarded), separators=(",", ":")), flush=True)
    return 0


def asked(file: str, mapping: str) -> tuple[Path, LeadFile]:
    """The file to read and how. Raises LocalError."""
    if bool(file) != bool(mapping):
        raise LocalError("Say what to read and how: make eval-leads FILE=<csv[.gz]> MAPPING=<yaml>, or neither")
    if file:
        return Path(file), read_mapping(Path(mapping))
    if not PUBLIC.is_file():
        raise LocalError(f"{PUBLIC} is missing; give leads of your own: make eval-leads FILE=<csv> MAPPING=<yaml>")
    return PUBLIC, read_mapping(PUBLIC_MAPPING)


def evaluate(leads: ReadLeads, mapping: LeadFile) -> tuple[Judged, Judged]:
    """Judged without the leaky columns, and with all columns and the guard. Raises LocalError for too few leads."""
    if int(len(leads.past) * (1 - FIT_SHARE)) < 1:
        raise LocalError(f"{len(leads.past)} leads are too few to fit on some and judge on others")
    past, known = leads.past, leads.circumstances
    clean = Past(past.table.without(mapping.leaky), past.points, past.outcomes)
    return (
        judge(clean, rng=np.random.default_rng(SEED), channel=mapping.channel, guarded=False),
        judge(past, rng=np.random.default_rng(SEED), channel=mapping.channel, circumstances=known),
    )


def closing(clean: Judged, guarded: Judged) -> dict[str, Any]:
    """The last line of the output."""
    return {
        "name": "eval-leads",
        "auc": _rounded(clean.measured.auc),
        "log_loss": _rounded(clean.measured.log_loss),
        "brier": _rounded(clean.measured.brier),
        "ece": _rounded(clean.measured.ece),
        "guarded_auc": _rounded(guarded.measured.auc),
        "guarded_log_loss": _rounded(guarded.measured.log_loss),
        "guarded_ece": _rounded(guarded.measured.ece),
        "leaks": [leak.column for leak in guarded.leaks],
    }


def report(clean: Judged, guarded: Judged) -> Iterator[str]:
    """Everything else that is printed."""
    fitted = clean.learnt.model
    leads, converted = clean.measured.leads, clean.measured.converted
    yield f"judged on the newest {leads:,} leads, {converted:,} of which converted; fitted on those before"
    yield ""
    yield f"{'':<24} {'AUC':>6} {'95 %':>15} {'log-loss':>9} {'95 %':>15} {'Brier':>6} {'ECE':>6} {'95 %':>15}"
    yield _row("without leaky columns", clean)
    yield _row("all columns, guarded", guarded)
    yield f"{'newest first':<24} {_figure(clean.newest_first_auc)}"
    yield ""
    yield f"ridge {clean.learnt.ridge}, guarded {guarded.learnt.ridge}; calibrated by {fitted.line.slope:.2f} x + {fitted.line.shift:.2f}"
    yield from (f"lift of the first fifth over newest first: {each.lift:.2f}" for each in (clean,) if each.lift)
    yield ""
    yield "left out by the guard" if guarded.leaks else "the guard found no leak"
    yield from (f"  {leak.column}: {leak.reason}" for leak in guarded.leaks)
    for name, each in (("without leaky columns", clean), ("guarded", guarded)):
        warning = too_good(each.measured.auc)
        if warning:
            yield f"WARNING, {name}: {warning}"
    yield ""
    yield f"{'said':>6} {'came':>6} {'leads':>6}   reliability without leaky columns"
    yield from (f"{each.said:6.3f} {each.came:6.3f} {each.leads:6d}" for each in clean.bins)


def _row(name: str, judged: Judged) -> str:
    found = judged.measured
    return (
        f"{name:<24} {_figure(found.auc)} {_ends(judged.auc_interval)} {_figure(found.log_loss):>9} "
        f"{_ends(judged.log_loss_interval)} {_figure(found.brier)} {_figure(found.ece)} {_ends(judged.ece_interval)}"
    )


def _figure(value: float | None) -> str:
    return f"{'none' if value is None else format(value, '.3f'):>6}"


def _ends(interval: Interval | None) -> str:
    return f"{'' if interval is None else f'{interval.low:.3f} to {interval.high:.3f}':>15}"


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)
