"""Benchmarks of goodfit against the loops that people use; `README.md` says how to run them."""
