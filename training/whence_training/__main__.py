"""`python -m whence_training` is `whence-train`."""

from whence_training.cli import main

main()
