"""The site's command-line options."""

from pathlib import Path
from typing import Annotated

from typer import Option

DATABASE_VARIABLE = "FEDSKY_DATABASE_URL"
Port = Annotated[int, Option(min=1, max=65535, help="Where it listens.")]
Host = Annotated[str, Option(help="The address on which it listens; others than this machine's own need TLS.")]
Outputs = Annotated[
    list[Path] | None,
    Option(
        help="A folder with runs, any depth; may be repeated. Launched runs go into the first. [default: outputs]",
        show_default=False,
    ),
]
Data = Annotated[Path, Option(help="The site's own folder: database, key, kept photographs.")]
DatabaseUrl = Annotated[
    str,
    Option(
        envvar=DATABASE_VARIABLE,  # for an address with a password, which all may see on a command line
        help="Where the database is, such as postgresql://fedsky@localhost/fedsky. [default: an SQLite file in --data]",
        show_default=False,
    ),
]
Photographs = Annotated[Path | None, Option(help="A folder of photographs that launched runs may learn from.")]
Federation = Annotated[
    Path, Option(help="The folder of a real federation that python -m fedsky.deploy made; it need not be there.")
]
Public = Annotated[
    bool, Option("--public/--no-public", help="Whether visitors without an account may read and predict.")
]
Registering = Annotated[str, Option(help="approve (by an administrator), open or closed.")]
Https = Annotated[
    bool, Option("--https", help="A server in front of it speaks TLS and sets X-Forwarded-For and X-Forwarded-Proto.")
]
InsecureHttp = Annotated[bool, Option("--insecure-http", help="Let other machines in without TLS.")]
Names = Annotated[
    list[str] | None, Option(help="A name or address under which browsers may ask for it; may be repeated.")
]
Threads = Annotated[int, Option(min=2, max=128, help="How many requests are answered at once.")]
JobsAtOnce = Annotated[
    int | None,
    Option(min=1, max=100, help="How many jobs of an account may wait or run. [default: 5]", show_default=False),
]
JobsADay = Annotated[
    int | None,
    Option(
        min=1, max=10_000, help="How many jobs an account may launch in 24 hours. [default: 20]", show_default=False
    ),
]
RunsWorker = Annotated[bool, Option("--worker/--no-worker", help="Whether it runs launched jobs itself.")]
