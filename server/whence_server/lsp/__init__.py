"""The language server: the one part of the program that knows the Language Server Protocol."""
