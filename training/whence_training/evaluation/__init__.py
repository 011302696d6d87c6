"""Answers beside references -> how good a model is, where it fails, and whether another one is better. Pure."""
