"""Making a training ready: a new one, one of a model that is there, one that was interrupted; what is left open."""
