"""Operators: functions in, derivatives out."""
