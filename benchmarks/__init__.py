"""The article's listings beside the course's code, on the same machine in the same run."""
