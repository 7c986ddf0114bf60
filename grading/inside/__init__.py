"""What runs behind the walls, beside the students' code: it imports nothing of the course."""
