"""Learning from corrections, as an editor or a terminal shows it: examples, runs, and starting one."""
