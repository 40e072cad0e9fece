"""A seeded city, and replay of recordings."""
