"""The benches themselves, a file each."""
