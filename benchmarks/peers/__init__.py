"""The methods that `compare_peers.py` compares, each behind the interface of `interface.py`."""
