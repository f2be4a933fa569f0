"""`python -m bench NAME`: the command line of the benches."""

from bench.cli import main

if __name__ == "__main__":
    main()
