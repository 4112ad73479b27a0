"""Widgets: the parts that a screen is made of."""
