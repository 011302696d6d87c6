"""Stage 4: a model answers, is trained, and the best of what training made is chosen and measured."""
