"""The network: layers, active sets, losses and the rules that move its rows."""
