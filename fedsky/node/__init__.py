"""An owner's side of a real federation: ``python -m fedsky.node owner.yaml`` trains where the photographs are."""
