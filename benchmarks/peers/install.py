"""Makes the peers' environments: python benchmarks/peers/install.py DIR [NAME ...]

Each peer has a virtual environment of its own, as they want different versions of NumPy and SciPy. One that cannot be
installed leaves the reason in DIR/NAME.failed, for the notes of the table.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import venv
from collections.abc import Mapping, Sequence
from pathlib import Path

PACKAGES: Mapping[str, Sequence[Sequence[str]]] = {
    "omikuji": (["omikuji==0.5.2", "scipy"],),
    # the versions that libpecos was built with; of what it asks for, XR-Linear needs scikit-learn alone
    "pecos": (["numpy==1.26.4", "scipy==1.13.1", "scikit-learn"], ["--no-deps", "libpecos==1.2.8"]),
    "napkinxc": (["napkinxc==0.7.2", "scipy"],),
    "fasttext": (["fasttext-numpy2-wheel==0.9.2", "scipy"],),
    "torch": (["torch==2.13.0", "numpy", "scipy"],),
}
"""By environment: what each call of pip installs."""


def python_of(environments: Path, name: str) -> Path:
    """The Python of an environment, whether it is there or not."""
    return environments / name / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")


def why_missing(environments: Path | None, name: str) -> str | None:
    """Why an environment cannot be used; None if it can."""
    if environments is None:
        return "no --environments DIR given"
    failed = _failure_file(environments, name)
    if failed.exists():
        return f"does not install: {failed.read_text().strip()}"
    return None if python_of(environments, name).exists() else "not installed; see peers/install.py"


def install(environments: Path, name: str) -> None:
    """Make an environment anew."""
    failed = _failure_file(environments, name)
    failed.unlink(missing_ok=True)
    venv.create(environments / name, clear=True, with_pip=True)
    for packages in PACKAGES[name]:
        command = [str(python_of(environments, name)), "-m", "pip", "install", "--quiet", *packages]
        done = subprocess.run(command, stderr=subprocess.PIPE, text=True, check=False)
        if done.returncode:
            failed.write_text(_last_error(done.stderr) + "\n")
            return


def _failure_file(environments: Path, name: str) -> Path:
    return environments / f"{name}.failed"


def _last_error(log: str) -> str:
    errors = [line for line in log.splitlines() if line.startswith("ERROR")]
    return errors[-1] if errors else "pip gave no reason"


def main() -> None:
    """Install the environments that are named, or all."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("environments", type=Path, metavar="DIR")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(PACKAGES)} (default: all)")
    args = parser.parse_args()
    if unknown := set(args.names) - set(PACKAGES):
        parser.error(f"there is no environment {', '.join(sorted(unknown))}, only {', '.join(PACKAGES)}")
    args.environments.mkdir(parents=True, exist_ok=True)
    for name in args.names or PACKAGES:
        install(args.environments, name)
        print(f"{name}: {why_missing(args.environments, name) or 'installed'}", flush=True)


if __name__ == "__main__":
    main()
