"""Screens wire widgets to the app; each has its style sheet beside it."""
