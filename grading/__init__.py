"""The instructor's tools: make the two editions of the exercises, and grade what comes back."""
