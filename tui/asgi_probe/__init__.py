"""Runs inside the app's interpreter. Standard library only, Python 3.9 and newer."""
