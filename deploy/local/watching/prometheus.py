"""Prometheus on this machine: found on the path, on loopback, with the rules of deploy/prometheus and shorter waits."""

import json
import math
import re
import shutil
import urllib.parse
import urllib.request
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import yaml

from deploy.local.children import Child, Terminal
from deploy.local.errors import LocalError, StartFailed
from deploy.local.ports import LOOPBACK, free_port
from deploy.local.waiting import wait_until
from deploy.observing.rules import ALERTS, groups

EVERY = "1s"
SPAN = "20s"
_SPANS = re.compile(r"\[\d+[smhd](?:(:)1m)?\]")


def program(name: str) -> str:
    """The path of `prometheus` or `promtool`; LocalError that says how to install them."""
    found = shutil.which(name)
    if found is None:
        raise LocalError(f"{name} is not installed (Debian: apt-get install --no-install-recommends prometheus)")
    return found


def quickened(limits: Mapping[str, str]) -> list[dict[str, Any]]:
    """The groups of rules, looked at every second; alerts named in `limits` have these limits and wait 2 s at most.

    `limits` maps a name to the comparison in place of its own; empty keeps that. They, and promises, look back no further than SPAN.
    """
    found = groups()
    signals = {alert.name: alert.signal for alert in ALERTS}
    for group in found:
        group["interval"] = EVERY
        for rule in group["rules"]:
            name = rule.get("alert")
            if name in limits or (limits and "record" in rule):
                rule["expr"] = _SPANS.sub(rf"[{SPAN}\1]", rule["expr"])
            if name in limits:
                rule["for"] = "0s" if rule["for"] == "0m" else "2s"
                if limits[name]:
                    rule["expr"] = _SPANS.sub(rf"[{SPAN}\1]", f"{signals[name]} {limits[name]}")
    return found


class Prometheus:
    """Scrapes `targets` (component, host:port) every second. Everything it knows goes with its folder."""

    def __init__(self, home: Path, targets: Iterable[tuple[str, str]], rules: list[dict[str, Any]]) -> None:
        self.port = free_port()
        self.home = home / "prometheus"
        self._child = Child("prometheus", home, Terminal(quiet=True))
        self.home.mkdir(parents=True, exist_ok=True)
        (self.home / "rules.yaml").write_text(yaml.safe_dump({"groups": rules}))
        config = {
            "global": {"scrape_interval": EVERY, "scrape_timeout": EVERY, "evaluation_interval": EVERY},
            "rule_files": ["rules.yaml"],
            "scrape_configs": [
                {
                    "job_name": "foretell",
                    "static_configs": [
                        {"targets": [address], "labels": {"component": component, "role": "all"}}
                        for component, address in targets
                    ],
                }
            ],
        }
        (self.home / "prometheus.yaml").write_text(yaml.safe_dump(config))

    def __enter__(self) -> Self:
        argv = [
            program("prometheus"),
            f"--config.file={self.home / 'prometheus.yaml'}",
            f"--storage.tsdb.path={self.home / 'data'}",
            f"--web.listen-address={LOOPBACK}:{self.port}",
            "--log.level=warn",
        ]
        self._child.start(argv, env={"PATH": "/usr/bin:/bin"}, cwd=self.home)
        if not wait_until(lambda: self._child.exit_status is not None or self._is_ready(), timeout_s=20, every_s=0.1):
            self._child.stop()
            raise StartFailed(f"Prometheus was not ready after 20 s (log: {self._child.log_file})")
        if self._child.exit_status is not None:
            raise StartFailed(f"Prometheus did not start: {self._child.tail(3)} (log: {self._child.log_file})")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._child.stop(timeout_s=5)

    def _is_ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"http://{LOOPBACK}:{self.port}/-/ready", timeout=2) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    def ask(self, expr: str) -> list[float]:
        """The values of an instant query, not-a-numbers among them. StartFailed when it cannot be understood."""
        url = f"http://{LOOPBACK}:{self.port}/api/v1/query?" + urllib.parse.urlencode({"query": expr})
        try:
            with urllib.request.urlopen(url, timeout=10) as answer:
                found = json.load(answer)["data"]
        except urllib.error.HTTPError as error:
            raise StartFailed(f"Prometheus does not understand {expr}: {error.read().decode()[:300]}") from None
        if found["resultType"] == "scalar":
            return [float(found["result"][1])]
        return [float(each["value"][1]) for each in found["result"]]

    def has_series(self, expr: str) -> bool:
        """Whether a query has at least one series with a number."""
        return any(not math.isnan(value) for value in self.ask(expr))

    def firing(self) -> set[str]:
        """Names of alerts that fire."""
        url = f"http://{LOOPBACK}:{self.port}/api/v1/alerts"
        with urllib.request.urlopen(url, timeout=10) as answer:
            alerts = json.load(answer)["data"]["alerts"]
        return {each["labels"]["alertname"] for each in alerts if each["state"] == "firing"}
