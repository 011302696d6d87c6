"""What starts a run by itself: history, corrections, a model that does worse, the clock; and who hears of it."""
