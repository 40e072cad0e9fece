"""`korat ledger`: what became of readings, what explains it, and whether the store holds them."""
# ruff: noqa: PLC0415 - what a command needs is imported when it is called

from typing import Annotated, Literal

import typer

from korat.runtime import Config, load, run_quietly

app = typer.Typer(invoke_without_command=True)


@app.callback()
def table(
    context: typer.Context,
    by: Annotated[
        Literal["total", "gateway", "device"], typer.Option(help="How the numbers are broken down.")
    ] = "total",
    hours: Annotated[int, typer.Option(min=1, max=87_600, help="How far back; 1 is the present hour.")] = 24,
    config: Config = None,
) -> None:
    """Show how many readings were received and what became of them.

    received = stored + merged + duplicate + quarantined + rejected.

    pending waits at gateways; gaps are readings of packs that are missing between others.
    """
    if context.invoked_subcommand is not None:
        context.obj = config
        return
    settings = load(config)
    from korat.inspect import ledger_table

    run_quietly(ledger_table(settings, by, hours))


@app.command()
def explain(config: Config = None) -> None:
    """Name every gap: which packs of which gateway, when, and what most likely became of them."""
    settings = load(config)
    from korat.explain import explain as print_explanations

    run_quietly(print_explanations(settings))


@app.command()
def erasures(config: Config = None) -> None:
    """List who had which device erased, when and why."""
    settings = load(config)
    from korat.inspect import erasures_table

    run_quietly(erasures_table(settings))


@app.command("new-epoch")
def new_epoch(config: Config = None) -> None:
    """Begin a new epoch, after a PostgreSQL was restored or a standby that had less took over.

    Positions in the journal that others keep are refused from then on, for the same number may mean another entry.
    """
    settings = load(config)
    from korat.inspect import renew_epoch

    run_quietly(renew_epoch(settings))


@app.command()
def audit(
    context: typer.Context,
    start: Annotated[str, typer.Option("--from", help="First instant: a day, or RFC 3339 (UTC).")] = "",
    end: Annotated[str, typer.Option("--to", help="End, exclusive.")] = "",
    device: Annotated[str, typer.Option(help="Only this device.")] = "",
    config: Config = None,
) -> None:
    """Compare the journal with the store: every instant that was settled must be there.

    What is lost is listed, and the exit code is 1. Writes of flushes that died before their commit are listed too;
    they are no loss, for their messages came again.

    Where readings are kept in a DuckDB file, the platform must be stopped meanwhile.
    """
    settings = load(config or context.obj)
    from korat.inspect_audit import print_audit

    run_quietly(print_audit(settings, start, end, device))
