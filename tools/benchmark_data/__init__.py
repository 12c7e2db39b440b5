"""What the benchmark builds on: raw inputs of any size, computed row by row from a seed."""
