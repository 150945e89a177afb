"""Tests against a real Kafka broker; see README.md."""
