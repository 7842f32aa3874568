"""The verbs in NumPy: the specification of the native ones, and the oracle that tests hold them against."""
