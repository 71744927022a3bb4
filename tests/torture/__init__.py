"""Holds the package to its promises by doing to it what machines, disks and strangers do.

``python -m torture`` from ``tests/`` runs all promises, or the named ones. A promise is a function
that yields attempts; it is held if there were attempts and every one of them held.
"""
