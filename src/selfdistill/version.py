"""The package's version, for the command line too, which does not import the package's names."""

__version__ = "0.1.0"
