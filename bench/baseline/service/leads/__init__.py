"""Leads: taken, checked, mapped, delivered, each step on record."""
