"""A model as a document and back: exact, so that a score can be told again from the model that gave it."""

import base64
from typing import Any

import numpy as np

from services.leads.conversion.odds.calibration import Line
from services.leads.conversion.odds.encoding import Encoding, NumberEncoding, WordEncoding
from services.leads.conversion.odds.features import Design
from services.leads.conversion.odds.logistic import Fitted
from services.leads.conversion.odds.model import ConversionModel, Prior
from services.leads.conversion.odds.table import Floats


def document_of(model: ConversionModel) -> dict[str, Any]:
    """JSON-ready; arrays of floats as base64 of their bytes, little-endian."""
    prior = {"weight": model.prior.weight, "rate": model.prior.rate, "mean_points": model.prior.mean_points}
    line = {"slope": model.line.slope, "shift": model.line.shift}
    kept: dict[str, Any] = {"prior": prior, "line": line, "rows_per_lead": model.rows_per_lead}
    if model.design is not None and model.fitted is not None:
        kept["design"] = {
            "encodings": [_encoding(each) for each in model.design.encodings],
            "channel": model.design.channel,
            "means": _packed(model.design.means),
            "column_of": model.design.column_of.tolist(),
        }
        kept["fitted"] = {
            "intercept": model.fitted.intercept,
            "slopes": _packed(model.fitted.slopes),
            "covariance": _packed(model.fitted.covariance),
        }
    return kept


def model_of(kept: dict[str, Any]) -> ConversionModel:
    """The model that was written. Raises KeyError for a document of another making."""
    plain = ConversionModel(Prior(**kept["prior"]), line=Line(**kept["line"]), rows_per_lead=kept["rows_per_lead"])
    if "design" not in kept:
        return plain
    design, fitted = kept["design"], kept["fitted"]
    slopes = _unpacked(fitted["slopes"])
    return ConversionModel(
        plain.prior,
        Design(
            tuple(_encoding_of(each) for each in design["encodings"]),
            design["channel"],
            _unpacked(design["means"]),
            np.array(design["column_of"], dtype=np.int64),
        ),
        Fitted(fitted["intercept"], slopes, _unpacked(fitted["covariance"]).reshape(len(slopes) + 1, len(slopes) + 1)),
        plain.line,
        plain.rows_per_lead,
    )


def _encoding(encoding: Encoding) -> dict[str, Any]:
    if isinstance(encoding, WordEncoding):
        return {"kind": "words", "name": encoding.name, "levels": list(encoding.levels)}
    return {
        "kind": "numbers",
        "name": encoding.name,
        "logarithmic": encoding.logarithmic,
        "middle": encoding.middle,
        "spread": encoding.spread,
        "knots": list(encoding.knots),
    }


def _encoding_of(kept: dict[str, Any]) -> Encoding:
    if kept["kind"] == "words":
        return WordEncoding(kept["name"], tuple(kept["levels"]))
    return NumberEncoding(kept["name"], kept["logarithmic"], kept["middle"], kept["spread"], tuple(kept["knots"]))


def _packed(values: Floats) -> str:
    return base64.b64encode(np.ascontiguousarray(values, dtype="<f8").tobytes()).decode()


def _unpacked(text: str) -> Floats:
    return np.frombuffer(base64.b64decode(text), dtype="<f8").astype(np.float64)
