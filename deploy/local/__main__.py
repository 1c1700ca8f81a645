"""`python -m deploy.local`: the commands behind the Makefile. The environment names the folder and the choices."""

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from deploy.local import commands, supervisor
from deploy.local.components import ONE_THREAD
from deploy.local.errors import LocalError

# Before anything loads the library; the processes started from here inherit it.
os.environ.update(ONE_THREAD | os.environ)

app = typer.Typer(
    add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False, help="Foretell on one machine."
)


def _home() -> Path:
    return Path(os.environ.get("FORETELL_HOME") or "var").resolve()


def _brokers() -> int:
    text = os.environ.get("BROKERS") or "1"
    if text not in ("1", "3"):
        raise LocalError(f"BROKERS={text!r} is not understood; write 1 or 3")
    return int(text)


@app.command()
def up() -> None:
    """Start everything and keep it running until Ctrl-C."""
    supervisor.up(
        _home(),
        ports=os.environ.get("PORTS", ""),
        broker=supervisor.broker_choice(),
        brokers=_brokers(),
        simulator=os.environ.get("SIMULATOR", "on") not in ("off", "0", "no"),
    )


@app.command()
def stop() -> None:
    """Stop what runs."""
    commands.stop(_home())


@app.command()
def status() -> None:
    """Show what runs; status 1 when not everything is ready."""
    raise typer.Exit(0 if commands.status(_home()) else 1)


@app.command()
def reset() -> None:
    """Stop and delete all state."""
    commands.reset(_home(), yes=os.environ.get("YES", "") not in ("", "0"))


@app.command()
def kafka() -> None:
    """Run Apache Kafka alone."""
    commands.kafka(_home(), brokers=_brokers())


@app.command("import")
def import_file(file: str, mapping: str, dry_run: Annotated[bool, typer.Option("--dry-run")] = False) -> None:
    """Import a pipeline into the running system."""
    raise typer.Exit(commands.import_file(_home(), file, mapping, dry_run=dry_run))


@app.command("state-hash")
def state_hash() -> None:
    """Print a fingerprint of what each component of the running system knows."""
    raise typer.Exit(commands.state_hash(_home()))


@app.command("smoke")
def smoke_run() -> None:
    """Start a fresh system, see one change per CRM move the forecast, stop."""
    from deploy.local import smoke  # noqa: PLC0415 - the other commands start without what only it needs

    raise typer.Exit(smoke.run(broker=supervisor.broker_choice(), brokers=_brokers()))


@app.command()
def history(deals: int = 1_000_000, readings: int = 200) -> None:
    """Time readings of the present, of any instant and of movement over a large history."""
    from deploy.local import past  # noqa: PLC0415 - the other commands start without what only it needs

    print(
        past.line(past.run(deals=deals, readings=readings, say=lambda said: print(f"history   | {said}", flush=True)))
    )


@app.command("bench-projection")
def bench_projection(deals: int = 1_000_000) -> None:
    """Time projecting all open deals over twelve months, and one event."""
    from deploy.local import projecting  # noqa: PLC0415 - as above

    figures = projecting.run(deals=deals, say=lambda said: print(f"projection | {said}", flush=True))
    print(projecting.line(figures))


@app.command("bench-locks")
def bench_locks(deals: int = 60_000) -> None:
    """Time freezing what the projection says at a lock, of all its periods."""
    from deploy.local import locking  # noqa: PLC0415 - as above

    print(locking.line(locking.run(deals=deals, say=lambda said: print(f"locks     | {said}", flush=True))))


@app.command()
def backtest(file: str = "", mapping: str = "") -> None:
    """Say what the projection would have said on past days, and how right it would have been beside simpler methods."""
    from deploy.local.backtest import run  # noqa: PLC0415 - as above

    raise typer.Exit(run.main(file=file, mapping=mapping, pictures_into=_home() / "backtest"))


@app.command("eval-leads")
def eval_leads(file: str = "", mapping: str = "") -> None:
    """Say how right the conversion model is on the newest leads of a file, with and without columns that leak."""
    from deploy.local.evalleads import run  # noqa: PLC0415 - as above

    raise typer.Exit(run.main(file=file, mapping=mapping))


@app.command("eval-prices")
def eval_prices() -> None:
    """Judge the win curve on designed prices, and offer it discounts that sellers chose."""
    from deploy.local.evalprices import run  # noqa: PLC0415 - as above

    raise typer.Exit(run.main())


@app.command("bench-prices")
def bench_prices(quotes: int = 100_000) -> None:
    """Time publishing the bands of many won quotes, and checking prices against them."""
    from deploy.local.evalprices import speed  # noqa: PLC0415 - as above

    raise typer.Exit(speed.main(quotes=quotes))


@app.command("bench-plans")
def bench_plans(nodes: int = 10_000, deals: int = 100_000) -> None:
    """Time reading the attainment of the parts of a large plan over twelve months."""
    from deploy.local import planning  # noqa: PLC0415 - as above

    raise typer.Exit(planning.main(nodes=nodes, deals=deals))


@app.command("bench-deals")
def bench_deals(deals: int = 1_000_000) -> None:
    """Time reading one deal and pages of filtered lists among many."""
    from deploy.local import dealing  # noqa: PLC0415 - as above

    raise typer.Exit(dealing.main(deals=deals))


@app.command("bench-leads")
def bench_leads(leads: int = 1_000_000) -> None:
    """Time scoring every waiting lead anew, and reading one with its chance."""
    from deploy.local.evalleads import speed  # noqa: PLC0415 - as above

    raise typer.Exit(speed.main(leads=leads))


@app.command()
def latency(rate: float = 50.0, seconds: float = 60.0) -> None:
    """Start a fresh system, send it changes at a fixed rate, say how long each took to the forecast, stop."""
    from deploy.local import latency as bench  # noqa: PLC0415 - as above

    raise typer.Exit(
        bench.main(rate_per_s=rate, seconds=seconds, broker=supervisor.broker_choice(), brokers=_brokers())
    )


@app.command()
def restart() -> None:
    """Start a fresh system, kill all of it, say how long it takes to be ready again, stop."""
    from deploy.local import restarting  # noqa: PLC0415 - as above

    raise typer.Exit(restarting.main(broker=supervisor.broker_choice(), brokers=_brokers()))


@app.command("drill-restore")
def drill_restore() -> None:
    """Back up a fresh system, restore all of it to an instant and single databases, compare what it knows."""
    from deploy.local.drills import restore  # noqa: PLC0415 - as above

    raise typer.Exit(restore.main())


@app.command()
def soak(minutes: float = 30.0, rate: float = 10.0) -> None:
    """Start a fresh system, send it changes at a fixed rate for long, say whether memory, handles or lag climb, stop."""
    from deploy.local.soaking import run  # noqa: PLC0415 - as above

    raise typer.Exit(run.main(minutes=minutes, rate_per_s=rate, broker=supervisor.broker_choice(), brokers=_brokers()))


@app.command("check-dashboards")
def check_dashboards() -> None:
    """Start a seeded system and a Prometheus, see every query have series and every fault its alert, stop."""
    from deploy.local.watching import run  # noqa: PLC0415 - as above

    raise typer.Exit(run.main(broker=supervisor.broker_choice(), brokers=_brokers()))


@app.command("check-crm")
def check_crm(deliveries: int = 100_000) -> None:
    """Start a fresh system, send it deliveries of four CRMs with all that goes wrong, compare with what they hold, stop."""
    from deploy.local.checkcrm import run  # noqa: PLC0415 - as above

    raise typer.Exit(run.main(deliveries=deliveries, broker=supervisor.broker_choice(), brokers=_brokers()))


def main() -> None:
    """Run a command; what goes wrong is one line."""
    try:
        app()
    except LocalError as error:
        print(f"foretell: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
