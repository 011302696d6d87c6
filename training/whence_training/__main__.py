"""`whence-train`, and `python -m whence_training`: says what to install where that is missing."""

import sys


def run() -> None:
    """The command, once its libraries are there."""
    try:
        from whence_training.cli import main
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("whence"):
            raise
        sys.exit(f"whence-train needs {error.name}: pip install 'whence[data]', or 'whence[training]' for all of it")
    main()


if __name__ == "__main__":
    run()
