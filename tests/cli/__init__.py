"""End-to-end tests of the tieflow command; see support.py for what they need."""
