"""Benchmarks: what each of them scores, and how sure the numbers are."""
