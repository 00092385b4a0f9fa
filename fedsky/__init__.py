"""fedsky: who gains by joining the federation? A federated-learning experiment suite on sky photographs."""

__version__ = "0.2.0.dev0"
