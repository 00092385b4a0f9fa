"""The shelf of strategies: one algorithm, one file."""

from pkgutil import extend_path

__path__ = extend_path(__path__, __name__)  # by the folder of this name where a command is started, if there is one
