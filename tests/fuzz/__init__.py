"""Random abuse, one kind per module with `case(rng) -> str`. `benchmarks.fuzz` runs them, `test_fuzz` a few of each."""
