"""What goes around any strategy: personalization, privacy, attacks, compression.

They nest in this order, the strategy inside: ``compression(attack(privacy(personalize(strategy))))``. So an update is
changed by its client's attack first, then compressed; the server unpacks it, then privacy clips it and adds noise,
and the strategy aggregates what is left.
"""

from pkgutil import extend_path

__path__ = extend_path(__path__, __name__)  # by the folder of this name where a command is started, if there is one
