"""Sets a real federation up: ``python -m fedsky.deploy`` makes keys and kits, serves, checks, rotates and revokes."""
