"""Operators that the package does not know: what a user's own folder looks like."""
