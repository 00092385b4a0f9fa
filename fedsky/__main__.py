"""``python -m fedsky``: one run, or the runs of a sweep, as the command line says."""

from fedsky.machine import imports, interrupt, streams

if __name__ == "__main__":
    streams.settle()
    interrupt.at_once("fedsky")  # before what takes long to import
    with imports.to_stay():
        from fedsky.command.shell import main

    main()
