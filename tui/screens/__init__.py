"""Screens: what fills the terminal, each with its style sheet beside it."""
