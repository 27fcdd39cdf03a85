"""`python -m policyd` is the command `policyd`."""

from policyd.cli import main

if __name__ == "__main__":
    main(prog_name="policyd")
