"""What training, data and inference cost on this machine: `python -m benchmarks.NAME --help`."""
