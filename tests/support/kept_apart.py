"""What a process imports to collect the tests is never garbage: nobody looks through it for some, then or later.

Thousands of modules are looked through dozens of times while they come in, a fifth of what collecting the tests takes.
"""

import gc

gc.disable()


def pytest_collection_finish() -> None:
    """From here on garbage is collected, of what the tests make alone."""
    gc.freeze()
    gc.enable()
