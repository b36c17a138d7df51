"""Runs inside the app's interpreter. Standard library only, Python 3.9 and newer.

The console copies this package into its runtime directory under a name that no project and no installed
package has, so imports here are relative.
"""
