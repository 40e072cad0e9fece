"""`korat boards`: print the boards, compare what is printed, push it to a Grafana."""
# ruff: noqa: PLC0415 - boards are imported when they are asked for

from pathlib import Path
from typing import Annotated

import typer

from city.errors import ConfigurationError, KoratError

app = typer.Typer(help="Print, check or push the boards.", no_args_is_help=True)

Folder = Annotated[
    Path | None, typer.Option(help="Where printed files lie; the project's dashboards folder when left out.")
]
Province = Annotated[str, typer.Option(help="ISO 3166-2 code, in lower case.")]


@app.command("print")
def print_boards(folder: Folder = None, province: Province = "th-30") -> None:
    """Write the boards for Grafana and for the console, and the alert rules."""
    from dashboards.printing import HOME, print_all

    changed = print_all(folder or HOME, province)
    for path in changed:
        typer.echo(path)
    typer.echo(f"{len(changed)} files changed")


@app.command()
def check(folder: Folder = None, province: Province = "th-30") -> None:
    """List what isn't printed as the specs are now; exit code 1 when something isn't."""
    from dashboards.printing import HOME
    from dashboards.printing import check as compare

    found = compare(folder or HOME, province)
    for sentence in found:
        typer.echo(sentence)
    if found:
        raise KoratError(f"{len(found)} files differ: korat boards print writes them anew")
    typer.echo("every printed file is as its spec says")


@app.command()
def push(
    url: Annotated[str, typer.Argument(help="http://host:3000 of a Grafana.")],
    token_file: Annotated[Path | None, typer.Option(help="File with a service account's token.")] = None,
    user: Annotated[str, typer.Option(help="Instead of a token: a user.")] = "",
    password_file: Annotated[Path | None, typer.Option(help="File with the user's password.")] = None,
    folder: Folder = None,
) -> None:
    """Send the printed boards to a Grafana; boards of the same uid are replaced."""
    from dashboards.printing import HOME
    from dashboards.pushing import Login
    from dashboards.pushing import push as send

    if (token_file is None) == (password_file is None):
        raise ConfigurationError("give either --token-file, or --user and --password-file")
    login = Login(token=_secret(token_file), user=user, password=_secret(password_file))
    for uid in send(url, login, folder or HOME):
        typer.echo(uid)


def _secret(file: Path | None) -> str:
    if file is None:
        return ""
    try:
        return file.read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{file} can't be read: {error}") from None
