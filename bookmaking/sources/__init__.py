"""What the authors wrote: Markdown, notebooks and lists, read piece by piece with their lines."""
