"""Repository -> chunks -> vectors -> LanceDB -> search. Knows no editor, no language model and no workflow engine."""

__version__ = "0.1.0"
