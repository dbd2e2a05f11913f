"""Benchmarks of the workshop against what a user would run instead: `bench/run`."""
