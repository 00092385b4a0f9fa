"""``python -m fedsky.web``: serves the site. Further commands make its first administrator and look after it."""

import contextlib
import dataclasses
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from fedsky.web import loglines, options
from fedsky.web.settings import Registration, Settings

cli = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@cli.callback(invoke_without_command=True)
def serve(
    context: typer.Context,
    port: options.Port = 5000,
    host: options.Host = "127.0.0.1",
    outputs: options.Outputs = None,
    data: options.Data = Path("site-data"),
    database: options.DatabaseUrl = "",
    photographs: options.Photographs = None,
    federation: options.Federation = Path("federation"),
    public: options.Public = True,
    registration: options.Registering = "approve",
    https: options.Https = False,
    insecure_http: options.InsecureHttp = False,
    name: options.Names = None,
    threads: options.Threads = 32,
    jobs_at_once: options.JobsAtOnce = None,
    jobs_a_day: options.JobsADay = None,
    worker: options.RunsWorker = True,
) -> None:
    """Serves the site at http://localhost:5000. Options stand before a command: --data FOLDER create-admin NAME."""
    from fedsky.web import serve as serving

    loglines.speak()
    with told():
        if registration not in Registration.__args__:  # type: ignore[attr-defined]
            raise ValueError(f"--registration {registration}: choose approve, open or closed")
        settings = Settings(
            data=data,
            database_url=database,
            photographs=photographs,
            federation=federation,
            public=public,
            registration=registration,  # type: ignore[arg-type]
            https=https,
            threads=threads,
            hosts=(*Settings().hosts, *(name or ())),
            jobs_at_once=jobs_at_once,
            jobs_a_day=jobs_a_day,
        )
        if outputs:
            settings = dataclasses.replace(settings, outputs=tuple(outputs), reference=outputs[0] / "reference")
        context.obj = settings
        if context.invoked_subcommand is None:
            serving.check(settings, host, insecure_http)
            serving.run(settings, host, port, worker)


@cli.command()
def create_admin(context: typer.Context, name: Annotated[str, typer.Argument(help="The account's name.")]) -> None:
    """Makes an administrator, or makes one of a known account, and prints a password that works once, for 24 hours."""
    _print_one_time(context.obj, name, "admin")


@cli.command()
def reset_password(context: typer.Context, name: Annotated[str, typer.Argument(help="The account's name.")]) -> None:
    """Gives an account whose owner forgot theirs a password that works once, for 24 hours; ends its sessions."""
    _print_one_time(context.obj, name, None)


@cli.command()
def create_accounts(
    context: typer.Context,
    names: Annotated[Path, typer.Argument(help="A CSV file: a name a line, or NAME,ROLE (user or operator).")],
    out: Annotated[Path, typer.Argument(help="The new file that the one-time passwords are written to.")],
    days: Annotated[float, typer.Option(min=0.01, max=90, help="For how long these passwords work.")] = 14,
) -> None:
    """Makes an account for each name of a list, all or none; an operator, who may launch runs, unless the list says."""
    from fedsky.web import roster

    with told(), _database(context.obj) as database:
        count = roster.create(database, names, out, days)
    print(f"{count} accounts are made. {out} has a password for each that works for {days:g} days, until its owner")
    print("chooses another: hand them out and delete the file.")


@cli.command()
def upgrade(context: typer.Context) -> None:
    """Brings the database up to date, as serving does too."""
    with told(), _database(context.obj) as database:
        print(f"The database is at version {database.version()}.")


@cli.command()
def openapi(context: typer.Context) -> None:
    """Prints the API's description (OpenAPI 3.1, JSON)."""
    from fedsky.web import create_app
    from fedsky.web.openapi import document

    with told():
        print(json.dumps(document(create_app(context.obj)), indent=1))


@cli.command()
def worker(context: typer.Context) -> None:
    """Runs launched jobs, one after the other; serving starts this by itself unless told --no-worker."""
    from fedsky.web.jobs.worker import work

    with told():
        work(context.obj)


@contextlib.contextmanager
def told() -> Iterator[None]:
    """Tells a mistake in one line and leaves with 1."""
    from fedsky.web.problems import Problem

    try:
        yield
    except (ValueError, OSError, Problem) as error:
        print(f"fedsky.web: {error}", file=sys.stderr)
        raise typer.Exit(1) from None


@contextlib.contextmanager
def _database(settings: Settings) -> Iterator[Any]:
    from sqlalchemy.exc import OperationalError

    from fedsky.web.database import Database, hidden, one_line

    settings.prepare()
    database = Database(settings.url)
    try:
        database.upgrade()
        yield database
    except OperationalError as error:
        raise ValueError(f"{hidden(settings.url)} does not answer: {one_line(error)}") from None
    finally:
        database.close()


def _print_one_time(settings: Settings, name: str, role: str | None) -> None:
    from fedsky.web.accounts import ONE_TIME_HOURS, one_time

    with told(), _database(settings) as database, database.writing() as db:
        password = one_time(db, name, role)
    print(f"Name:      {name}\nPassword:  {password}")
    print(f"It works for {ONE_TIME_HOURS} hours, until a password of your own is chosen, and is not shown again.")


if __name__ == "__main__":
    cli()
