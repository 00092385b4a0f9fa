"""What a federation is compared with: pooling everything, and training alone."""

from pkgutil import extend_path

__path__ = extend_path(__path__, __name__)  # by the folder of this name where a command is started, if there is one
