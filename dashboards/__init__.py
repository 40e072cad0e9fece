"""Boards as code."""
