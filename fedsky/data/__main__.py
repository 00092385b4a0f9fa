"""``python -m fedsky.data COMMAND``: the commands on photographs, which live in fedsky/photographs."""

import runpy

if __name__ == "__main__":
    runpy.run_module("fedsky.photographs", run_name="__main__", alter_sys=True)
