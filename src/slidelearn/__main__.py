"""``slidelearn`` and ``python -m slidelearn``: the command line."""

import signal
import sys


def main() -> None:
    """Run the command line; while its libraries are being imported, Ctrl-C ends the process without a word."""
    heard = signal.getsignal(signal.SIGINT)
    if heard is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    try:
        from slidelearn.cli import main as run
    except ValueError as error:  # of an environment variable, which is looked at when the kernels are imported
        sys.exit(f"slidelearn: {error}")

    if heard is signal.default_int_handler:
        signal.signal(signal.SIGINT, heard)
    run()


if __name__ == "__main__":
    main()
