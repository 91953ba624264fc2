"""`python -m config.cli`: the command line, by whichever Python runs this."""

from config.cli import main

if __name__ == "__main__":
    main()
