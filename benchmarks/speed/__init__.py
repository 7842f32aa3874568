"""The parts of compare_speed.py. Modules that run in a peer's environment import no slidelearn."""
