"""What a derivative costs: ours, written by hand, and by other tools, in one process. Run `python -m benchmarks`."""
