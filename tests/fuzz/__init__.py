"""Random abuse, one kind per module: each has `case(rng) -> str`. `benchmarks.fuzz` runs them, `test_fuzz` a few of each."""
