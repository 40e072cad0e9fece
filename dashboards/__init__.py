"""Boards as code: neutral specs, and printers that draw them for Grafana and for the built-in console."""
